#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Install what is missing, build, and run every test.
#
#   tests/run.sh [SUITE...]
#
# Suites, in this order (default: all):
#   unit         unit tests, replay of the fuzzers' corpora, laws of the tree
#   address      unit tests and corpora again, under the address and undefined sanitizers
#   thread       what has threads or is used by many, under the thread sanitizer
#   install      consumers built against an installed tree
#   python       the Python binding
#   go           the Go binding, with the race detector and cgo's pointer checks
#   integration  the programs, driven from outside; virtual machines under emulation
#
# Shows what fails, then a table; the last line is "N passed, N failed[, N skipped]". Exit code 0 only
# when nothing failed. Test vectors: $COCOS_VECTORS, default ../shared/vectors; cases that need them say
# "skipped: no vectors" where they are absent.
set -eu

root=$(CDPATH='' cd "$(dirname "$0")/.." && pwd)
PATH=$PATH:/usr/sbin:/sbin
COCOS_VECTORS=${COCOS_VECTORS:-$root/../shared/vectors}
export PATH COCOS_VECTORS
cd "$root"

all_suites='unit address thread install python go integration'
suites=${*:-$all_suites}
# Debian's Python, whose packages setup.sh installs.
python=/usr/bin/python3
threaded='^((transport|rpc|agent|manager|cvms|enclave|evidence)/|attest/threads$)'

# A suite that hangs must not take the whole run with it; one on a busy machine is only slow, and so are
# its cases (Check's own limits).
suite_limit_s=1800
CK_TIMEOUT_MULTIPLIER=4
export CK_TIMEOUT_MULTIPLIER

for suite in $suites; do
    case " $all_suites " in
        *" $suite "*) ;;
        *) echo "run.sh: there is no suite $suite; suites: $all_suites" >&2; exit 2 ;;
    esac
done

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
passed=0 failed=0 skipped=0
: >"$work/table"

# note SUITE SECONDS PASSED FAILED SKIPPED
note()
{
    printf '%-12s %5d s  %5d passed  %3d failed  %3d skipped\n' "$1" "$2" "$3" "$4" "$5" | tee -a "$work/table"
    passed=$((passed + $3))
    failed=$((failed + $4))
    skipped=$((skipped + $5))
}

# quiet COMMAND...: shows the end of what it printed when it fails.
quiet()
{
    "$@" >"$work/build.log" 2>&1 && return 0
    tail -n 60 "$work/build.log"
    return 1
}

# configure DIR [meson options], build DIR [meson options]
configure()
{
    dir=$1 verb=setup
    shift
    [ ! -f "$dir/build.ninja" ] || verb=configure
    quiet meson "$verb" "$dir" "$@" && quiet ninja -C "$dir" build.ninja
}
build()
{
    configure "$@" && quiet ninja -C "$dir"
}

# meson_suite NAME DIR [meson test arguments]; builds what these tests need, unless told --no-rebuild.
meson_suite()
{
    name=$1 dir=$2 began=$(date +%s)
    shift 2
    rm -f "$dir/meson-logs/testlog.json"
    status=0
    timeout "$suite_limit_s" meson test -C "$dir" --print-errorlogs "$@" >"$work/out" 2>&1 || status=$?
    [ $status = 0 ] || grep -v '^\[[0-9]*/[0-9]*\] ' "$work/out" || true
    count meson "$dir/meson-logs/testlog.json"
    note "$name" $(($(date +%s) - began)) "$n_passed" "$n_failed" "$n_skipped"
}

# pytest_suite NAME FOLDER
pytest_suite()
{
    name=$1 began=$(date +%s)
    status=0
    COCOS_BUILD_ROOT=$root/build timeout "$suite_limit_s" "$python" -B -m pytest -q -p no:cacheprovider \
        --durations=5 --junitxml="$work/junit.xml" "$2" >"$work/out" 2>&1 || status=$?
    [ $status = 0 ] || cat "$work/out"
    count junit "$work/junit.xml"
    rm -f "$work/junit.xml"
    note "$name" $(($(date +%s) - began)) "$n_passed" "$n_failed" "$n_skipped"
}

# count KIND FILE: sets n_passed, n_failed, n_skipped; a suite that broke off ($status) has failed even
# when every case that it got to has passed.
count()
{
    counts=$("$python" "$root/tests/support/count.py" "$1" "$2" 2>/dev/null) || counts='0 0 0'
    n_passed=${counts%% *}
    n_skipped=${counts##* }
    n_failed=${counts#* }
    n_failed=${n_failed% *}
    if [ "$status" != 0 ] && [ "$n_failed" = 0 ]; then
        echo "run.sh: the suite $name ended with status $status"
        n_failed=1
    fi
    if [ "$n_passed$n_failed$n_skipped" = 000 ]; then
        echo "run.sh: the suite $name ran no test"
        n_failed=1
    fi
}

# need SUITE configure|build ...: where that fails it counts as one failure of the suite.
need()
{
    suite_name=$1
    shift
    began=$(date +%s)
    "$@" && return 0
    echo "run.sh: the build for $suite_name fails"
    note "$suite_name" $(($(date +%s) - began)) 0 1 0
    return 1
}

suite_unit()
{
    meson_suite unit build --no-rebuild --suite unit --suite fuzz --suite sweep --suite laws --timeout-multiplier 4
}

suite_address()
{
    need address configure build-address -Db_sanitize=address,undefined -Db_lundef=false -Dtests=enabled || return 0
    UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 \
        meson_suite address build-address --suite unit --suite fuzz --timeout-multiplier 4
}

suite_thread()
{
    need thread configure build-thread -Db_sanitize=thread -Db_lundef=false -Dtests=enabled || return 0
    # gRPC and OpenSSL are not instrumented: what only they can race is listed there, with reasons.
    TSAN_OPTIONS="suppressions=$root/tests/support/tsan.supp ignore_noninstrumented_modules=1 die_after_fork=0 exitcode=66"
    export TSAN_OPTIONS
    meson test -C build-thread --list 2>/dev/null | sed 's/.* \/ //' | grep -E "$threaded" >"$work/names" || true
    # shellcheck disable=SC2046 # one name a line, without blanks
    meson_suite thread build-thread --timeout-multiplier 8 $(cat "$work/names")
    unset TSAN_OPTIONS
}

suite_install()
{
    pytest_suite install tests/install
}

suite_python()
{
    pytest_suite python bindings/python/tests
}

suite_go()
{
    name=go began=$(date +%s)
    status=0
    COCOS_BUILD_ROOT=$root/build timeout "$suite_limit_s" bindings/go/check.sh -race -v ./... >"$work/out" 2>&1 || status=$?
    [ $status = 0 ] || grep -v '^=== ' "$work/out" || true
    count go "$work/out"
    note "$name" $(($(date +%s) - began)) "$n_passed" "$n_failed" "$n_skipped"
}

# The guest image for the manager's tests. In CI another kernel will do when the archive has dropped
# the locked one.
suite_integration()
{
    began=$(date +%s)
    if ! sh eos/build.sh ${CI:+--newest-kernel} build/eos >"$work/build.log" 2>&1; then
        cat "$work/build.log"
        note integration $(($(date +%s) - began)) 0 1 0
        return 0
    fi
    pytest_suite integration tests/integration
}

began_all=$(date +%s)
sh tools/setup.sh test
if need build build build -Dtests=enabled; then
    for suite in $suites; do
        "suite_$suite"
    done
fi

echo
cat "$work/table"
printf '%-12s %5d s\n\n' total $(($(date +%s) - began_all))
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
