#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Build libcocos-verify with its unit tests and fuzzing corpora for other machines, run them under
# qemu-user.
#
#   tests/cross/run.sh [s390x|armhf ...]      (default: both; big-endian 64 bits, little-endian 32 bits)
#
# Needs Debian 12 and root for the packages gcc-s390x-linux-gnu, gcc-arm-linux-gnueabihf,
# qemu-user-static and mmdebstrap. The libraries of the other machine are unpacked below
# build-cross/: nothing foreign is installed on this one, and no foreign programs but ours run.
set -eu

root=$(CDPATH='' cd "$(dirname "$0")/../.." && pwd)
cd "$root"

install_missing()
{
    missing=
    for package in gcc-s390x-linux-gnu gcc-arm-linux-gnueabihf qemu-user-static mmdebstrap; do
        dpkg-query -W -f '${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed ||
            missing="$missing $package"
    done
    [ -n "$missing" ] || return 0
    # shellcheck disable=SC2086 # one argument a package
    DEBIAN_FRONTEND=noninteractive apt-get -q -y --option DPkg::Lock::Timeout=300 \
        install --no-install-recommends $missing
}

# The archive that this machine installs from; of point releases only, which every mirror has whole.
archive()
{
    # shellcheck disable=SC2016 # apt's own variables
    apt-get indextargets --format '$(REPO_URI) $(CODENAME) $(COMPONENT)' 'Created-By: Packages' |
        awk '$2 == "bookworm" && $3 == "main" { print "deb", $1, $2, $3; exit }'
}

# Headers and libraries of the other machine, unpacked and not configured.
make_sysroot()
{
    [ -f "$2/usr/include/cbor.h" ] && return 0
    rm -rf "$2"
    mmdebstrap --quiet --variant=extract --architectures="$1" --skip=check/qemu,check/empty \
        --include=libc6-dev,libssl-dev,libcbor-dev,libjansson-dev,check bookworm "$2" "$(archive)" ||
        return 1
    # Absolute links would lead to this machine's files.
    find "$2" -type l -lname '/*' | while read -r link; do
        ln -snf "$2$(readlink "$link")" "$link"
    done
}

# machine_file ARCH SYSROOT: what meson has to know.
machine_file()
{
    case $1 in
        s390x) triplet=s390x-linux-gnu qemu=qemu-s390x-static cpu=s390x family=s390x endian=big ;;
        armhf) triplet=arm-linux-gnueabihf qemu=qemu-arm-static cpu=armv7 family=arm endian=little ;;
        *) echo "run.sh: no such machine: $1" >&2; return 1 ;;
    esac
    cat <<END
[binaries]
c = '$triplet-gcc'
ar = '$triplet-ar'
strip = '$triplet-strip'
pkgconfig = 'pkg-config'
exe_wrapper = ['$qemu', '-L', '$2']

[built-in options]
c_args = ['--sysroot=$2']
c_link_args = ['--sysroot=$2']

[properties]
sys_root = '$2'
pkg_config_libdir = '$2/usr/lib/$triplet/pkgconfig:$2/usr/share/pkgconfig'

[host_machine]
system = 'linux'
cpu_family = '$family'
cpu = '$cpu'
endian = '$endian'
END
}

# All but the sweeps over failing allocations and over bits, which take hours and are the same
# everywhere; then the vectors, when they are there.
run_tests()
{
    names=$(meson test -C "$1" --list --suite unit --suite fuzz --suite vectors 2>/dev/null | sed 's/.* \/ //' |
        grep -vE '[/_]memory$|^sweep/')
    # shellcheck disable=SC2086 # one name a line, without blanks
    CK_TIMEOUT_MULTIPLIER=20 meson test -C "$1" --no-rebuild --timeout-multiplier 20 $names
}

run_machine()
{
    work=$root/build-cross/$1
    mkdir -p "$work" &&
        make_sysroot "$1" "$work/sysroot" &&
        machine_file "$1" "$work/sysroot" >"$work/machine.ini" &&
        { [ -f "$work/build/build.ninja" ] || meson setup "$work/build" --cross-file "$work/machine.ini" \
            -Drpc=disabled -Ddocs=disabled -Dtests=enabled; } &&
        ninja -C "$work/build" &&
        run_tests "$work/build"
}

[ $# -gt 0 ] || set -- s390x armhf
install_missing
status=0
for machine in "$@"; do
    run_machine "$machine" || status=1
done
exit $status
