#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Make the guest image: OUTDIR/kernel, OUTDIR/initrd, OUTDIR/image.json; and OUTDIR/policy.json, what
# evidence of a machine that boots it has to show (cocos-policy(5)).
#
#   eos/build.sh [options] OUTDIR
#     --build DIR        the meson build folder to take our programs from (default: build)
#     --agent PATH       this program as /usr/bin/cocos-agent instead
#     --cache DIR        where the kernel's parts are kept between builds (default: BUILD/eos-cache)
#     --compress NAME    zstd (default) or lz4
#     --cmdline TEXT     kernel command line that the policy accepts (default: cocos-manager's default)
#     --memory SIZE      memory that such a machine may have; may be repeated (default: 512M and 2G)
#     --boot-log FILE    event log of eos/boot-log.sh: the policy accepts its firmware; may be repeated
#     --simulator DIR    FOR TRIALS: keys of a simulated SEV-SNP (BUILD/sim) into the image, which
#                        then gives simulated evidence beside that of the TPM, and is accepted for it
#     --newest-kernel    when the locked kernel is gone from the archive, take the newest instead:
#                        such an image has another measurement, and image.json says so
#
# The same inputs give the same bytes: sorted archive, owner 0:0, time 0, no machine's numbers. Runs
# as any user, installs nothing.
set -eu
umask 022
LC_ALL=C
export LC_ALL

here=$(CDPATH='' cd "$(dirname "$0")" && pwd)
root=$(dirname "$here")
build=$root/build
agent=
cache=
compress=zstd
newest=no
cmdline='console=ttyS0 quiet loglevel=1 panic=-1 cocos.env cocos.certs'
memories=
boot_logs=
simulator=
outdir=
usage='usage: build.sh [--build DIR] [--agent PATH] [--cache DIR] [--compress zstd|lz4] [--cmdline TEXT]
    [--memory SIZE]... [--boot-log FILE]... [--simulator DIR] [--newest-kernel] OUTDIR'

while [ $# -gt 0 ]; do
    case $1 in
        --build) build=$2; shift 2 ;;
        --agent) agent=$2; shift 2 ;;
        --cache) cache=$2; shift 2 ;;
        --compress) compress=$2; shift 2 ;;
        --cmdline) cmdline=$2; shift 2 ;;
        --memory) memories="$memories $2"; shift 2 ;;
        --boot-log) boot_logs="$boot_logs
$2"; shift 2 ;;
        --simulator) simulator=$2; shift 2 ;;
        --newest-kernel) newest=yes; shift ;;
        -*) echo "$usage" >&2; exit 2 ;;
        *) outdir=$1; shift ;;
    esac
done
[ -n "$outdir" ] || { echo "$usage" >&2; exit 2; }
cache=${cache:-$build/eos-cache}
[ -z "$simulator" ] || cmdline="$cmdline cocos.evidence=tpm,sim-snp"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
# shellcheck source=kernel-deb.sh
. "$here/kernel-deb.sh"

# The value of one line of the lock.
locked()
{
    awk -v key="$1" '$1 == key { print $2; exit }' "$lock"
}

# ---- the kernel and its modules, as the lock lists them ----

# Take what the lock lists out of $work/kernel.deb into DIR, each digest checked.
unpack_kernel()
{
    mkdir "$work/tree"
    awk '$1 ~ /^(kernel|required|optional)$/ { print "./" $3 }' "$lock" >"$work/members"
    dpkg-deb --fsys-tarfile "$work/kernel.deb" | tar -x -C "$work/tree" -T "$work/members"

    mkdir -p "$1/modules"
    : >"$1/modules/order"
    grep -E '^(kernel|required|optional) ' "$lock" | while read -r what digest path; do
        name=${path##*/}
        name=${name%.[xz]*}
        case $what in
            kernel) to=$1/vmlinuz ;;
            *) to=$1/modules/$name ;;
        esac
        unpack_module "$work/tree/$path" "$to"
        [ "$(sha256_of "$to")" = "$digest" ] || die "$path is not what the lock says"
        case $what in
            required) echo "$name" >>"$1/modules/order" ;;
            optional) echo "-$name" >>"$1/modules/order" ;;
        esac
    done
}

# The locked package from the archive into $work/kernel.deb; fails when the archive has dropped it.
fetch_locked()
{
    apt_begin "$(locked suite)" || return 1
    fetch_deb "$(locked package)" "$(locked version)" || return 1
    [ "$(sha256_of "$work/kernel.deb")" = "$(locked deb)" ] ||
        die "the archive's $(locked package) $(locked version) is not the locked one"
}

lock_newest()
{
    say '******************************************************************************'
    say "the locked kernel $(locked package) $(locked version) cannot be had;"
    say 'taking the newest one, as --newest-kernel asks: the image gets ANOTHER MEASUREMENT'
    say '******************************************************************************'
    for suite in bookworm-backports bookworm; do
        if EOS_KEEP_DEB=$work/kernel.deb "$here/update-lock.sh" --suite "$suite" --output "$work/kernel.lock"; then
            lock=$work/kernel.lock
            return 0
        fi
    done
    die 'no kernel package can be had'
}

# Sets $lock to the lock in force and $kernel to the folder with the kernel's parts.
get_kernel()
{
    lock=$here/kernel.lock
    kernel=$cache/$(locked deb)
    is_locked=true
    [ ! -f "$kernel/done" ] || return 0

    if ! fetch_locked; then
        [ $newest = yes ] || die "the locked kernel $(locked package) $(locked version) cannot be had;" \
            'when the archive has dropped it, run eos/update-lock.sh and commit the new lock,' \
            'or build with --newest-kernel (another measurement)'
        lock_newest
        is_locked=false
        kernel=$cache/$(locked deb)
        [ ! -f "$kernel/done" ] || return 0
    fi

    mkdir -p "$cache"
    rm -rf "$kernel.new" "$kernel"
    unpack_kernel "$kernel.new"
    : >"$kernel.new/done"
    mv "$kernel.new" "$kernel"
}

# ---- the root file system ----

put()
{
    mkdir -p "$tree/$(dirname "$3")"
    install -m "$1" "$2" "$tree/$3"
}

# Ours carry debug information; what is stripped depends on the sources alone.
put_ours()
{
    put "$1" "$2" "$3"
    strip --strip-unneeded --remove-section=.note.gnu.build-id --remove-section=.comment "$tree/$3"
}

# The shared libraries that a program needs: "NAME PATH" a line. $ours comes first in the search.
closure()
{
    LD_LIBRARY_PATH=$ours ldd "$1" >"$work/ldd" 2>"$work/ldd.err" || {
        grep -q 'not a dynamic executable' "$work/ldd.err" "$work/ldd" && return 0
        cat "$work/ldd.err" "$work/ldd" >&2
        die "cannot list the libraries of $1"
    }
    ! grep 'not found' "$work/ldd" >&2 || die "libraries of $1 are missing"
    awk '$2 == "=>" { print $1, $3 } $1 ~ /^\/.*ld-linux/ { n = $1; sub(".*/", "", n); print n, $1 }' "$work/ldd"
}

# A program's libraries into the image; those that are not ours are noted for image.json.
put_closure()
{
    closure "$1" >"$work/closure"
    while read -r name path; do
        to=usr/lib/x86_64-linux-gnu/$name
        [ ! -e "$tree/$to" ] || continue
        case $path in
            "$ours"/*) put_ours 0755 "$path" "$to" ;;
            *) put 0755 "$path" "$to"; realpath "$path" >>"$work/foreign" ;;
        esac
    done <"$work/closure"
}

put_foreign()
{
    path=$(command -v "$1") || die "there is no $1: run tools/setup.sh"
    put 0755 "$path" "usr/bin/$1"
    realpath "$path" >>"$work/foreign"
    put_closure "$path"
}

# Directories, links and the handful of text files that libc and programs look for.
put_skeleton()
{
    for dir in proc sys dev run tmp sysroot etc/cocos etc/certs var/lib/cocos usr/bin \
        usr/lib/x86_64-linux-gnu usr/lib/eos; do
        mkdir -p "$tree/$dir"
    done
    mkdir -m 0700 "$tree/root"
    ln -s usr/bin "$tree/bin"
    ln -s usr/bin "$tree/sbin"
    ln -s usr/lib "$tree/lib"
    ln -s usr/lib "$tree/lib64"
    ln -s bin "$tree/usr/sbin"
    ln -s x86_64-linux-gnu/ld-linux-x86-64.so.2 "$tree/usr/lib/ld-linux-x86-64.so.2"

    printf 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n' >"$tree/etc/passwd"
    printf 'root:x:0:\nnogroup:x:65534:\n' >"$tree/etc/group"
    printf '127.0.0.1 localhost\n' >"$tree/etc/hosts"
    printf 'passwd: files\ngroup: files\nhosts: files dns\n' >"$tree/etc/nsswitch.conf"
    printf 'nameserver 10.0.2.3\n' >"$tree/etc/resolv.conf"
}

# busybox under each of its names: what a script of an algorithm may call.
put_busybox()
{
    path=$(command -v busybox) || die 'there is no busybox: run tools/setup.sh'
    case $(ldd "$path" 2>&1) in
        *'not a dynamic executable'*) ;;
        *) die "$path is not static: install busybox-static" ;;
    esac
    put 0755 "$path" usr/bin/busybox
    realpath "$path" >>"$work/foreign"
    "$path" --list | while read -r applet; do
        [ -e "$tree/usr/bin/$applet" ] || ln -s busybox "$tree/usr/bin/$applet"
    done
}

# Keys that pretend to be a processor's (eos/README.md): never in an image for data.
put_simulator()
{
    for name in snp-key.pem snp-template.bin snp-rest.bin; do
        [ -f "$simulator/$name" ] || die "there is no $simulator/$name: ninja -C $build"
        put 0600 "$simulator/$name" "usr/lib/cocos/simulator/$name"
    done
}

put_kernel_modules()
{
    mkdir -p "$tree/usr/lib/eos/modules"
    for module in "$kernel"/modules/*; do
        install -m 0644 "$module" "$tree/usr/lib/eos/modules/"
    done
}

# What the build installs, as targets: a build folder with tests has ten times as many.
installed_targets()
{
    meson introspect --installed "$build" | python3 -c 'import json, os, sys
top = os.path.realpath(sys.argv[1]) + "/"
print(*[path[len(top):] for path in map(os.path.realpath, json.load(sys.stdin)) if path.startswith(top)
        and not path[len(top):].startswith(("meson-private/", "include/"))])' "$build"
}

# Our programs as installed, without this machine's build paths.
install_ours()
{
    [ -f "$build/build.ninja" ] || die "$build is not a build folder: meson setup $build"
    # shellcheck disable=SC2046
    ninja -C "$build" $(installed_targets) eos/eos-init >"$work/ninja.log" 2>&1 || { tail -n 40 "$work/ninja.log" >&2; die 'the build fails'; }
    DESTDIR=$work/ours meson install -C "$build" --no-rebuild --quiet >"$work/install.log" 2>&1 ||
        { cat "$work/install.log" >&2; die 'the install fails'; }
    ours=$(find "$work/ours" -name libcocos.so | head -n 1)
    ours=${ours%/*}
    [ -n "$agent" ] || agent=$(find "$work/ours" -type f -name cocos-agent | head -n 1)
    [ -n "$agent" ] || die 'the build has no cocos-agent'
}

make_tree()
{
    tree=$work/root
    mkdir "$tree"
    : >"$work/foreign"
    put_skeleton
    put_ours 0755 "$build/eos/eos-init" init
    put_ours 0755 "$agent" usr/bin/cocos-agent
    put_closure "$agent"
    put_foreign crun
    put_busybox
    put_kernel_modules
    [ -z "$simulator" ] || put_simulator
}

# ---- the archive ----

make_initrd()
{
    find "$tree" -exec touch -h -d @0 {} +
    (cd "$tree" && find . -mindepth 1 | LC_ALL=C sort |
        cpio -o -H newc -R 0:0 --reproducible --quiet) >"$work/initrd.cpio"
    case $compress in
        zstd) zstd -q -12 -T1 -c "$work/initrd.cpio" >"$work/initrd" ;;
        lz4) lz4 -q -9 -l -c "$work/initrd.cpio" >"$work/initrd" ;;
        *) die "unknown compression $compress" ;;
    esac
    # To whole 64 KiB, with zeros that the kernel skips: QEMU up to 9.2 writes the initrd's size into
    # the kernel, and a small change of the agent shall not look like another kernel.
    truncate -s %65536 "$work/initrd"
}

sha384_of()
{
    sha384sum "$1" | cut -d ' ' -f 1
}

# One JSON member for a file: KEY PATH
file_entry()
{
    printf '  "%s": {"size": %s, "sha256": "%s", "sha384": "%s"},\n' \
        "$1" "$(stat -c %s "$2")" "$(sha256_of "$2")" "$(sha384_of "$2")"
}

# "name": "version" of the packages that files of the image came from.
package_entries()
{
    sort -u "$work/foreign" | while read -r path; do
        dpkg-query -S "$path" 2>/dev/null || dpkg-query -S "${path#/usr}" 2>/dev/null || die "no package owns $path"
    done | sed 's/:.*//' | sort -u | while read -r name; do
        dpkg-query -W -f '${Package} ${Version}\n' "$name" | head -n 1
    done | sort -u | awk '{ printf "%s    \"%s\": \"%s\"", sep, $1, $2; sep = ",\n" } END { print "" }'
}

# Launch measurement of a report: 48 bytes at 0x90 (AMD 56860, table of the attestation report).
measurement_of()
{
    od -An -v -tx1 -j 144 -N 48 "$1" | tr -d ' \n'
}

write_record()
{
    {
        echo '{'
        echo '  "version": 1,'
        file_entry kernel "$kernel/vmlinuz"
        file_entry initrd "$work/initrd"
        file_entry init "$tree/init"
        file_entry agent "$tree/usr/bin/cocos-agent"
        printf '  "compression": "%s",\n' "$compress"
        printf '  "kernel_package": {"name": "%s", "version": "%s", "suite": "%s", "sha256": "%s", "locked": %s},\n' \
            "$(locked package)" "$(locked version)" "$(locked suite)" "$(locked deb)" "$is_locked"
        echo '  "packages": {'
        package_entries
        echo '  }'
        echo '}'
    } >"$work/image.json"
}

# What firmware and kernel will measure of a machine that boots the image: printed, and as a policy.
write_policy()
{
    cocos=$build/tools/cli/cocos
    [ -x "$cocos" ] || { say 'no policy: the build has no program cocos'; return 0; }
    set -- --kernel "$outdir/kernel" --initrd "$outdir/initrd" --cmdline "$cmdline"
    for memory in ${memories:-512M 2G}; do
        set -- "$@" --memory "$memory"
    done
    while IFS= read -r log; do
        [ -z "$log" ] || set -- "$@" --boot-log "$log"
    done <<END
$boot_logs
END
    "$cocos" measure "$@"
    if [ -n "$simulator" ]; then
        say 'THE SIMULATED SEV-SNP PROVES NOTHING: its key is in the image'
        set -- "$@" --root "$simulator/snp-root.pem" --set vtpm.ak_trust=tee --set snp.products=Milan \
            --set "snp.measurement=$(measurement_of "$simulator/snp-template.bin")" --set snp.revocation=any
    fi
    "$cocos" policy new "$@" >"$work/policy.json"
    install -m 0644 "$work/policy.json" "$outdir/policy.json"
    [ -n "$boot_logs" ] || say 'the policy accepts no firmware yet: eos/boot-log.sh, then --boot-log'
}

show_digests()
{
    for name in kernel initrd; do
        printf '%-7s %10s bytes  sha256 %s\n' "$name" "$(stat -c %s "$outdir/$name")" "$(sha256_of "$outdir/$name")"
        printf '%-7s %16s  sha384 %s\n' '' '' "$(sha384_of "$outdir/$name")"
    done
}

get_kernel
install_ours
make_tree
make_initrd
write_record
mkdir -p "$outdir"
install -m 0644 "$kernel/vmlinuz" "$outdir/kernel"
install -m 0644 "$work/initrd" "$outdir/initrd"
install -m 0644 "$work/image.json" "$outdir/image.json"
show_digests
write_policy
