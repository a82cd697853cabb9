#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Write eos/kernel.lock anew from the newest kernel package.
#
#   eos/update-lock.sh [--suite bookworm-backports|bookworm] [--output FILE]
#
# The lock names the package, the digest of the .deb, and the digest and order of everything that
# build.sh takes out of it. Review the difference and commit it.
set -eu

here=$(CDPATH='' cd "$(dirname "$0")" && pwd)
suite=bookworm-backports
output=$here/kernel.lock
while [ $# -gt 0 ]; do
    case $1 in
        --suite) suite=$2; shift 2 ;;
        --output) output=$2; shift 2 ;;
        *) echo "usage: update-lock.sh [--suite SUITE] [--output FILE]" >&2; exit 2 ;;
    esac
done

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
# shellcheck source=kernel-deb.sh
. "$here/kernel-deb.sh"
PATH=$PATH:/usr/sbin:/sbin

# The names in a list of ours, without comments.
names_in()
{
    sed 's/#.*//; /^[[:space:]]*$/d' "$1"
}

check_config()
{
    names_in "$here/kernel.config" | while read -r name; do
        grep -q "^${name#-}=[ym]\$" "$1" && continue
        case $name in
            -*) say "$package has no ${name#-}" ;;
            *) die "$package has no $name, which the guest needs" ;;
        esac
    done
}

# Every module and what it needs, in the order to insert, once: "required|optional PATH".
module_order()
{
    names_in "$here/modules" | while read -r name; do
        need=required
        [ "$name" = "${name#-}" ] || need=optional
        if ! modprobe -d "$work/tree" -S "$release" --show-depends "${name#-}" >"$work/depends" 2>"$work/depends.err"; then
            [ $need = optional ] || { cat "$work/depends.err" >&2; die "$package has no module $name"; }
            continue
        fi
        sed -n "s|^insmod $work/tree/|$need |p" "$work/depends" | sed 's/ *$//'
    done >"$work/modules" || return 1
    awk '!seen[$2]++' "$work/modules"
}

apt_begin "$suite" || die "cannot reach $suite"
newest_kernel >"$work/newest" || die "$suite has no linux-image-amd64"
read -r package version architecture <"$work/newest"
release=${package#linux-image-}
say "$suite has $package $version"
fetch_deb "$package" "$version" || die "cannot fetch $package $version"

mkdir "$work/tree"
dpkg-deb --fsys-tarfile "$work/kernel.deb" | tar -x -C "$work/tree" ./boot ./lib
check_config "$work/tree/boot/config-$release"
depmod -b "$work/tree" "$release"
module_order >"$work/order"

{
    echo '# Written by eos/update-lock.sh; build.sh refuses anything that differs.'
    echo "suite $suite"
    echo "package $package"
    echo "version $version"
    echo "architecture $architecture"
    echo "deb $(sha256_of "$work/kernel.deb")"
    echo "kernel $(sha256_of "$work/tree/boot/vmlinuz-$release") boot/vmlinuz-$release"
    while read -r need path; do
        unpack_module "$work/tree/$path" "$work/module"
        echo "$need $(sha256_of "$work/module") $path"
    done <"$work/order"
} >"$work/lock"
mv "$work/lock" "$output"
say "wrote $output"
# build.sh takes the package from here instead of fetching it again.
[ -z "${EOS_KEEP_DEB-}" ] || mv "$work/kernel.deb" "$EOS_KEEP_DEB"
