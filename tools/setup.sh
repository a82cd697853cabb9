#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Install what a bare Debian 12 lacks for a profile of tools/packages.txt.
#
#   tools/setup.sh [run|test]      (default: run; "test" includes "run")
#
# Does nothing, and needs no rights, when all is there.
set -eu

here=$(CDPATH='' cd "$(dirname "$0")" && pwd)

is_installed()
{
    dpkg-query -W -f '${db:Status-Status}\n' "$1" 2>/dev/null | grep -qx installed
}

# Packages of the profile that are not installed.
missing()
{
    awk -v profile="$1" '$1 == "run" || ($1 == "test" && profile == "test") { print $2 }' \
        "$here/packages.txt" | while read -r package; do
        is_installed "$package" || printf '%s ' "$package"
    done
}

as_root()
{
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif command -v sudo >/dev/null 2>&1; then
        sudo "$@"
    else
        echo 'setup: root rights are needed to install packages, and there is no sudo' >&2
        return 1
    fi
}

profile=${1:-run}
case $profile in
    run | test) ;;
    *) echo 'usage: setup.sh [run|test]' >&2; exit 2 ;;
esac
command -v dpkg-query >/dev/null 2>&1 || {
    echo 'setup: this is no Debian system; tools/packages.txt says what is needed' >&2
    exit 1
}

# Quiet unless it fails.
install_packages()
{
    echo "setup: installing $1" >&2
    log=$(mktemp)
    # shellcheck disable=SC2086 # one argument a package
    if as_root apt-get -q -o Acquire::Retries=3 update >"$log" 2>&1 &&
        as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o Acquire::Retries=3 \
            -o Dpkg::Use-Pty=0 install --no-install-recommends $1 >>"$log" 2>&1; then
        rm -f "$log"
    else
        tail -n 40 "$log" >&2
        rm -f "$log"
        return 1
    fi
}

# libvirt's QEMU driver, run by root, looks this account up whatever its configuration says. Debian
# makes it with libvirt's service, which we do not need, under the number that is reserved for it.
add_account()
{
    echo 'setup: adding the account libvirt-qemu' >&2
    getent group libvirt-qemu >/dev/null || groupadd --system --gid 64055 libvirt-qemu
    useradd --system --uid 64055 --gid libvirt-qemu --home-dir /var/lib/libvirt --no-create-home \
        --shell /usr/sbin/nologin libvirt-qemu
}

packages=$(missing "$profile")
[ -z "$packages" ] || install_packages "$packages"
if [ "$(id -u)" = 0 ] && ! getent passwd libvirt-qemu >/dev/null; then
    add_account
fi
