#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Boot a kernel once with OVMF and a virtual TPM on this machine, and write the event log: what PCR 0
# is for this firmware on a machine of this shape, for 'cocos policy new --boot-log'. Whoever runs it
# trusts this machine, its QEMU and the firmware file.
#
#   eos/boot-log.sh [options] KERNEL OUT
#     --memory SIZE    memory of the machine as QEMU writes it (default: 512M)
#     --vcpus N        its processors (default: 1)
#     --accel NAME     tcg (default) or kvm, as the machines that will be judged
#     --ovmf FILE      OVMF code (default: /usr/share/OVMF/OVMF_CODE_4M.fd)
#     --vars FILE      template of its variables (default: /usr/share/OVMF/OVMF_VARS_4M.fd)
#
# Runs as any user; nothing stays but OUT.
set -eu
umask 077
PATH=$PATH:/usr/sbin:/sbin

memory=512M
vcpus=1
accel=tcg
ovmf=/usr/share/OVMF/OVMF_CODE_4M.fd
vars=/usr/share/OVMF/OVMF_VARS_4M.fd
kernel=
out=
usage='usage: boot-log.sh [--memory SIZE] [--vcpus N] [--accel tcg|kvm] [--ovmf FILE] [--vars FILE] KERNEL OUT'

while [ $# -gt 0 ]; do
    case $1 in
        --memory) memory=$2; shift 2 ;;
        --vcpus) vcpus=$2; shift 2 ;;
        --accel) accel=$2; shift 2 ;;
        --ovmf) ovmf=$2; shift 2 ;;
        --vars) vars=$2; shift 2 ;;
        -*) echo "$usage" >&2; exit 2 ;;
        *)
            [ -z "$out" ] || { echo "$usage" >&2; exit 2; }
            [ -z "$kernel" ] && kernel=$1 || out=$1
            shift
            ;;
    esac
done
[ -n "$out" ] || { echo "$usage" >&2; exit 2; }
case $accel in
    tcg) cpu=max ;;
    kvm) cpu=host ;;
    *) echo "$usage" >&2; exit 2 ;;
esac

work=$(mktemp -d)
swtpm_pid=
finish()
{
    trap - EXIT
    [ -z "$swtpm_pid" ] || kill "$swtpm_pid" 2>/dev/null || true
    rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT TERM

die()
{
    echo "boot-log: $*" >&2
    exit 1
}

for program in qemu-system-x86_64 swtpm swtpm_setup busybox cpio base64; do
    command -v $program >/dev/null || die "there is no $program: run tools/setup.sh"
done

# A guest that writes its log to the console and switches off.
make_guest()
{
    mkdir -p "$work/root/bin" "$work/root/dev" "$work/root/proc" "$work/root/sys"
    cp "$(command -v busybox)" "$work/root/bin/busybox"
    cat >"$work/root/init" <<'INIT'
#!/bin/busybox sh
b=/bin/busybox
$b mount -t sysfs sysfs /sys && $b mount -t securityfs securityfs /sys/kernel/security
echo "--- log"
$b base64 /sys/kernel/security/tpm0/binary_bios_measurements
echo "--- end"
$b poweroff -f
INIT
    chmod 0755 "$work/root/init"
    (cd "$work/root" && find . | sort | cpio -o -H newc --quiet) >"$work/initrd"
}

start_tpm()
{
    mkdir "$work/tpm"
    swtpm_setup --tpm2 --tpm-state "$work/tpm" >"$work/setup.log" 2>&1 || { cat "$work/setup.log" >&2; die 'no TPM'; }
    swtpm socket --tpm2 --tpmstate "dir=$work/tpm" --ctrl "type=unixio,path=$work/ctrl" --terminate &
    swtpm_pid=$!
    tries=0
    until [ -S "$work/ctrl" ]; do
        kill -s 0 "$swtpm_pid" 2>/dev/null || die 'swtpm does not start'
        [ $tries -lt 100 ] || die 'swtpm does not answer within 10 s'
        sleep 0.1
        tries=$((tries + 1))
    done
}

run_guest()
{
    cp "$vars" "$work/vars"
    timeout 300 qemu-system-x86_64 -nodefaults -no-user-config -display none -no-reboot -serial stdio \
        -machine "q35,accel=$accel" -cpu "$cpu" -m "$memory" -smp "$vcpus" \
        -drive "if=pflash,unit=0,format=raw,readonly=on,file=$ovmf" \
        -drive "if=pflash,unit=1,format=raw,file=$work/vars" \
        -chardev "socket,id=tpm,path=$work/ctrl" -tpmdev emulator,id=tpm0,chardev=tpm -device tpm-crb,tpmdev=tpm0 \
        -kernel "$kernel" -initrd "$work/initrd" -append 'console=ttyS0 quiet loglevel=1 panic=-1' \
        </dev/null >"$work/console" || die 'the machine does not end well'
    swtpm_pid= # ended with its machine
}

make_guest
start_tpm
run_guest
# Firmware writes in front of our first line.
tr -d '\r' <"$work/console" | sed -n '/--- log$/,/^--- end$/p' | grep -v -e '--- ' >"$work/text" || true
base64 -d <"$work/text" >"$work/log" 2>/dev/null || die 'the console does not carry the log'
[ -s "$work/log" ] || { cat "$work/console" >&2; die 'the machine has no event log'; }
cat "$work/log" >"$out"
