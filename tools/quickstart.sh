#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# One computation from a fresh clone to its result: two hospitals, one algorithm, one consumer.
#
#   tools/quickstart.sh [--python] [--no-vm] [--keep] [--verbose]
#
#     --python    upload and fetch by the Python binding instead of the command line tool
#     --no-vm     the agent as a plain process of this machine, for development: no guest, no limits
#     --keep      keep the folder with keys, logs and results
#     --verbose   show what the steps print
#
# Installs what is missing (by sudo when not root), builds into build/, starts everything in a
# temporary folder of its own and ends it again. Nothing stays but the build folder.
set -eu

root=$(CDPATH='' cd "$(dirname "$0")/.." && pwd)
example=$root/doc/examples/joint-regression
algorithm=$root/build/doc/examples/joint-regression/regression
PATH=$root/build/tools/cli:$root/build/tools/manager:$root/build/tools/agent:$root/build/tools/cvms:$PATH:/usr/sbin:/sbin
export PATH

use_python=no
use_vm=yes
keep=no
verbose=no
usage='usage: quickstart.sh [--python] [--no-vm] [--keep] [--verbose]'
for argument; do
    case $argument in
        --python) use_python=yes ;;
        --no-vm) use_vm=no ;;
        --keep) keep=yes ;;
        --verbose) verbose=yes ;;
        -h | --help) echo "$usage"; exit 0 ;;
        *) echo "$usage" >&2; exit 2 ;;
    esac
done

umask 077
work=$(mktemp -d)
# What guests read holds keys: in memory where that can be had.
shares=$(mktemp -d -p /dev/shm 2>/dev/null) || shares=$work/shares
# Settings of the person who runs this have no part in it.
for name in $(env | sed -n 's/^\(\(AGENT\|MANAGER\|COCOS\)_[A-Z_]*\)=.*/\1/p'); do
    unset "$name"
done
XDG_CONFIG_HOME=$work/config
AGENT_GRPC_ATTESTATION_POLICY=$work/policy.json
export XDG_CONFIG_HOME AGENT_GRPC_ATTESTATION_POLICY
began=$(date +%s)
vm=          # id of the virtual machine while there is one
manager_pid= # processes that we have to end
cvms_pid=
agent_pid=
step=start

# ---- what happens when it ends, however it ends ----

# Ask a process of ours to end; insist after ten seconds.
end_process()
{
    [ -n "$1" ] || return 0
    kill "$1" 2>/dev/null || return 0
    tries=0
    while kill -s 0 "$1" 2>/dev/null && [ $tries -lt 100 ]; do
        sleep 0.1
        tries=$((tries + 1))
    done
    kill -s KILL "$1" 2>/dev/null || true
    wait "$1" 2>/dev/null || true
}

# Of a process that may be gone by now.
command_line()
{
    { tr '\0' ' ' <"/proc/$1/cmdline"; } 2>/dev/null || true
}

# Emulators that outlived the manager: those whose command line names our folder.
end_leftovers()
{
    find "$work/manager" -name '*.pid' 2>/dev/null >"$work/pids" || return 0
    while read -r file; do
        pid=$(cat "$file")
        case $(command_line "$pid") in
            *"$work/"*) end_process "$pid" ;;
        esac
    done <"$work/pids"
}

finish()
{
    status=$?
    trap '' INT TERM HUP
    trap - EXIT
    if [ $status != 0 ]; then
        echo "quickstart: \"$step\" failed" >&2
        [ -f "$work/step.log" ] && tail -n 40 "$work/step.log" >&2
    fi
    [ -z "$vm" ] || cocos vm destroy "$vm" >/dev/null 2>&1 || true
    end_process "$agent_pid"
    end_process "$cvms_pid"
    end_process "$manager_pid"
    end_leftovers
    if [ $keep = yes ]; then
        echo "kept: $work $shares" >&2
    else
        rm -rf "$work" "$shares"
    fi
    exit $status
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# ---- saying what happens ----

now_ms()
{
    echo $(($(date +%s%N) / 1000000))
}

# run "what it does" COMMAND...: one line with its time; its output only with --verbose or on failure.
run()
{
    step=$1
    shift
    printf '%-58s' "$step"
    step_began=$(now_ms)
    if [ $verbose = yes ]; then
        echo
        "$@"
    else
        "$@" >"$work/step.log" 2>&1
    fi
    step_ms=$(($(now_ms) - step_began))
    printf '%6d.%d s\n' $((step_ms / 1000)) $((step_ms % 1000 / 100))
}

# One member of a JSON file: json FILE NAME
json()
{
    python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))[sys.argv[2]])' "$1" "$2"
}

# Wait until a file has a line with this text, as long as the process lives: wait_line FILE TEXT PID
wait_line()
{
    tries=0
    while ! grep -q "$2" "$1" 2>/dev/null; do
        kill -s 0 "$3" 2>/dev/null || { cat "$1"; echo "it ended before it said \"$2\""; return 1; }
        [ $tries -lt 300 ] || { cat "$1"; echo "it did not say \"$2\" within 30 s"; return 1; }
        sleep 0.1
        tries=$((tries + 1))
    done
}

# The value of NAME in NAME=value lines: value_of FILE NAME
value_of()
{
    sed -n "s/^$2=//p" "$1" | tail -n 1
}

# A command of a party that means this manifest and no other. What evidence it accepts is a setting.
meaning()
{
    cocos "$@" --manifest-digest "$(cat "$work/digest")"
}

# ---- the steps ----

install_packages()
{
    sh "$root/tools/setup.sh" run
}

build_programs()
{
    cd "$root"
    [ -f build/build.ninja ] || meson setup build -Dtests=disabled
    ninja -C build
}

# Another kernel than the locked one, when the archive has dropped that, will do for a trial. So will a
# simulated SEV-SNP beside the virtual TPM: what it vouches for is checked as if it were real, and
# called SIMULATED wherever it is shown. The first boot tells what this firmware measures of itself.
build_image()
{
    set -- --newest-kernel --simulator "$root/build/sim"
    sh "$root/eos/build.sh" "$@" "$root/build/eos"
    sh "$root/eos/boot-log.sh" "$root/build/eos/kernel" "$work/boot.log"
    sh "$root/eos/build.sh" "$@" --boot-log "$work/boot.log" "$root/build/eos"
    cp "$root/build/eos/policy.json" "$work/policy.json"
}

# Without a machine there is nothing that is measured but what the simulator makes up.
make_policy()
{
    measurement=$(od -An -v -tx1 -j 144 -N 48 "$root/build/sim/snp-template.bin" | tr -d ' \n')
    cocos policy new snp --measurement "$measurement" --product Milan --root "$root/build/sim/snp-root.pem" \
        --covered-by snp.measurement --set snp.revocation=any >"$work/policy.json"
    cocos policy check "$work/policy.json"
}

make_parties()
{
    for party in algorithm-owner hospital-a hospital-b consumer; do
        mkdir "$work/$party"
        cocos keys -k ed25519 -o "$work/$party"
    done
    python3 "$example/generate.py" "$work/data"
}

make_manifest()
{
    set --
    [ $use_python = yes ] || set -- --approval data-provider --approval consumer
    cocos manifest new --name 'joint regression' \
        --algorithm "$algorithm" --algorithm-key "$work/algorithm-owner/public.pem" \
        --data "$work/data/hospital-a.csv" --data-key "$work/hospital-a/public.pem" \
        --data "$work/data/hospital-b.csv" --data-key "$work/hospital-b/public.pem" \
        --consumer "$work/consumer/public.pem" "$@" \
        --memory 64M --cpu 1 --processes 8 --disk 16M --deadline 2m -o "$work/manifest.json"
    cocos manifest check "$work/manifest.json"
    cocos manifest digest "$work/manifest.json" --json >"$work/digest.json"
    json "$work/digest.json" digest | tee "$work/digest"
}

# On a machine without network, if one likes: each signs this manifest and no other.
sign_approvals()
{
    for party in hospital-a hospital-b consumer; do
        cocos manifest approve "$work/manifest.json" "$work/$party/private.pem" --max-runs 1 \
            --policy "$work/policy.json" -o "$work/$party/approval"
    done
}

# Whoever has them may bring them.
bring_approvals()
{
    for party in hospital-a hospital-b consumer; do
        meaning agent approve "$work/$party/approval"
    done
}

# The whole verdict, and what covers each layer.
judge_agent()
{
    meaning agent describe "$work/consumer/private.pem" >"$work/verdict"
    cat "$work/verdict"
}

start_cvms()
{
    cocos-cvms --host 127.0.0.1 --port 0 --policy "$work/policy.json" "$work/manifest.json" </dev/null >"$work/cvms.log" 2>&1 &
    cvms_pid=$!
    wait_line "$work/cvms.log" '^listening on ' $cvms_pid
    cvms_port=$(sed -n 's/^listening on .*:\([0-9]*\)$/\1/p' "$work/cvms.log" | head -n 1)
}

upload_algorithm()
{
    meaning algo "$algorithm" "$work/algorithm-owner/private.pem"
}

upload_data()
{
    meaning data "$work/data/$1.csv" "$work/$1/private.pem"
}

fetch_result()
{
    meaning agent watch "$work/consumer/private.pem" --until ConsumingResults --timeout 5m || {
        meaning result "$work/consumer/private.pem" --part output -o "$work" -f output.zip
        python3 -m zipfile -e "$work/output.zip" "$work/output"
        cat "$work"/output/cocos-job/*
        return 1
    }
    meaning result "$work/consumer/private.pem" -o "$work" --case "$work/results.case"
}

# All that is needed is in three files; the machine is gone.
judge_case()
{
    cocos case verify "$work/results.case" --policy "$work/policy.json" --result "$work/results.zip" >"$work/case.verdict"
    cocos case explain "$work/results.case" --policy "$work/policy.json" --result "$work/results.zip" >"$work/case.text"
}

compare_result()
{
    mkdir "$work/result"
    python3 -m zipfile -e "$work/results.zip" "$work/result"
    python3 "$example/check.py" "$algorithm" "$work/result/model.json"
}

# The agent as a plain process of this machine.
start_agent()
{
    cocos-agent --state "$work/agent" --listen 127.0.0.1:0 --cvms "127.0.0.1:$cvms_port" --unlimited \
        --evidence sim-snp --simulator "$root/build/sim" \
        </dev/null >"$work/agent.log" 2>&1 &
    agent_pid=$!
    wait_line "$work/agent.log" 'listening' $agent_pid
    AGENT_GRPC_URL=$(sed -n 's/.*listening.*address=\([^ ]*\).*/\1/p' "$work/agent.log" | head -n 1)
    AGENT_GRPC_PIN=$(sed -n 's/.*listening.*pin=\([^ ]*\).*/\1/p' "$work/agent.log" | head -n 1)
}

# libvirt's embedded driver: no service has to run, and nothing of this machine's libvirt is touched.
start_manager()
{
    COCOS_MODULE_DIR=$root/build/libcocos cocos-manager --state "$work/manager" --run "$shares" \
        --libvirt embed --append cocos.evidence=tpm,sim-snp --boot-timeout 5m \
        --kernel "$root/build/eos/kernel" --initrd "$root/build/eos/initrd" \
        --listen "unix:$work/manager.sock" --http none </dev/null >"$work/manager.log" 2>&1 &
    manager_pid=$!
    wait_line "$work/manager.log" 'listening' $manager_pid
    MANAGER_GRPC_URL=unix:$work/manager.sock
    export MANAGER_GRPC_URL
}

# 10.0.2.2 is this machine as the guest sees it.
create_vm()
{
    cocos vm create --platform vtpm --server-url "10.0.2.2:$cvms_port" --timeout 6m >"$work/vm"
    vm=$(value_of "$work/vm" COCOS_VM_ID)
    AGENT_GRPC_URL=$(value_of "$work/vm" AGENT_GRPC_URL)
    AGENT_GRPC_PIN=$(value_of "$work/vm" AGENT_GRPC_PIN)
    cat "$work/vm"
}

# The manifest reaches the agent some moments after the agent can be reached.
wait_manifest()
{
    tries=0
    until meaning agent describe "$work/consumer/private.pem" --json >"$work/describe" 2>&1 &&
        grep -q "$(cat "$work/digest")" "$work/describe"; do
        [ $tries -lt 100 ] || { cat "$work/describe"; return 1; }
        sleep 0.2
        tries=$((tries + 1))
    done
}

destroy_vm()
{
    cocos vm destroy "$vm" --yes --record "$work/record.json"
    vm=
}

# What must not be there any more, looked for.
check_gone()
{
    end_process "$manager_pid"
    manager_pid=
    end_process "$cvms_pid"
    cvms_pid=
    end_process "$agent_pid"
    agent_pid=
    for process in /proc/[0-9]*; do
        case $(command_line "${process#/proc/}") in
            *"$work/"*) echo "still runs: ${process#/proc/}"; return 1 ;;
        esac
    done
}

run_python()
{
    COCOS_LIBRARY=$root/build/libcocos/libcocos.so PYTHONPATH=$root/bindings/python/src \
        python3 "$root/bindings/python/examples/joint_regression.py" --manager "$MANAGER_GRPC_URL" \
        --server-url "10.0.2.2:$cvms_port" --algorithm "$algorithm" \
        --algorithm-key "$work/algorithm-owner/private.pem" \
        --data "$work/data/hospital-a.csv=$work/hospital-a/private.pem" \
        --data "$work/data/hospital-b.csv=$work/hospital-b/private.pem" \
        --platform vtpm --policy "$work/policy.json" --manifest "$work/manifest.json" \
        --consumer-key "$work/consumer/private.pem" --result "$work/results.zip"
}

run_commands()
{
    run 'the agent takes the manifest' wait_manifest
    run 'each layer of the machine is judged by the policy' judge_agent
    run 'the approvals are brought to the agent' bring_approvals
    run 'the algorithm owner uploads the algorithm' upload_algorithm
    run 'hospital A uploads its data' upload_data hospital-a
    run 'hospital B uploads its data' upload_data hospital-b
    run 'the job runs; the consumer fetches the result' fetch_result
}

show_record()
{
    python3 -c 'import json, sys
record = json.load(open(sys.argv[1]))
for row in record["rows"]:
    checked = "looked for afterwards: gone" if row["verified"] else "NOT VERIFIED"
    print("  {what:10} {done:26} {checked}".format(checked=checked, **row))
print("  complete" if record["complete"] else "  NOT COMPLETE")' "$1"
}

summary()
{
    echo
    echo 'The model that both hospitals have trained, and that neither could have alone:'
    cat "$work/result/model.json"
    if [ -f "$work/record.json" ]; then
        echo
        echo 'What the host says it removed (claimed by the host):'
        show_record "$work/record.json"
    fi
    echo
    if [ -f "$work/verdict" ]; then
        echo 'What each party had proof of, on its own connection, before it sent anything:'
        sed 's/^/  /' "$work/verdict"
        echo
        echo 'What the case file shows, with the machine gone:'
        sed 's/^/  /' "$work/case.text"
        echo
    fi
    echo "manifest digest  $(cat "$work/digest")"
    echo 'verified         evidence, digests of algorithm, data and manifest, by each party before it sent anything;'
    echo '                 the result, byte for byte as the agent announced it, equals the expected one'
    echo 'NOT verified     NOT CONFIDENTIAL: the evidence is simulated. On a machine without SEV-SNP or TDX no'
    echo '                 hardware vouches for anything; all checks are those that real evidence has to pass.'
    echo "all in all       $(($(date +%s) - began)) s"
}

run 'install what is missing' install_packages
run 'build the programs' build_programs
[ $use_vm = no ] || run 'make the guest image' build_image
[ $use_vm = yes ] || run 'write a policy for simulated evidence' make_policy
run 'make keys and data of the four parties' make_parties
run 'write and check the manifest' make_manifest
[ $use_python = yes ] || run 'hospitals and consumer sign it, offline' sign_approvals
run 'start the computation-management server' start_cvms
if [ $use_vm = no ]; then
    run 'start the agent as a plain process' start_agent
    export AGENT_GRPC_URL AGENT_GRPC_PIN
    run_commands
else
    run 'start the manager' start_manager
    if [ $use_python = yes ]; then
        run 'Python: create, upload, run, fetch, destroy' run_python
    else
        run 'create the virtual machine, wait until it is ready' create_vm
        export AGENT_GRPC_URL AGENT_GRPC_PIN
        run_commands
        run 'destroy the virtual machine' destroy_vm
    fi
fi
run 'compare the result with the expected one' compare_result
[ $use_python = yes ] || run 'judge the case file, with nothing else left' judge_case
run 'end everything and look for what is left' check_gone
summary
