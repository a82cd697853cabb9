#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Check the model of the attested channel with spin.
#
#   tests/model/run.sh [DIR]      (DIR: where to build; default: a temporary folder)
#
# With every check each property must hold; with one check left out the property that it guards
# must break, which shows that the model sees the attack. A line for each; exit code 1 when any is
# not as it must be.
set -eu

here=$(CDPATH='' cd "$(dirname "$0")" && pwd)
command -v spin >/dev/null 2>&1 || { echo 'model: spin is not installed' >&2; exit 77; }
if [ $# -gt 0 ]; then
    work=$1
    mkdir -p "$work"
else
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
fi
failed=0

# check PROPERTY holds|breaks [CHECK...]: with these checks left out
check()
{
    property=$1 want=$2
    shift 2
    without=$*
    dir=$work/$property$(printf -- '-%s' "$@")
    mkdir -p "$dir"
    cp "$here/attested.pml" "$dir"
    (
        cd "$dir"
        # shellcheck disable=SC2046 # a word an option
        spin $(for name; do printf -- '-DWITHOUT_%s ' "$name"; done) -a attested.pml >spin.log 2>&1
        "${CC:-cc}" -O0 -o pan pan.c >cc.log 2>&1
        ./pan -a -m100000 -N "$property" >pan.log 2>&1
    ) || {
        cat "$dir"/*.log
        echo "model: $property ${without:-} could not be run"
        exit 1
    }
    errors=$(sed -n 's/.*errors: \([0-9]*\).*/\1/p' "$dir/pan.log" | tail -n 1)
    states=$(sed -n 's/^ *\([0-9.e+]*\) states, stored.*/\1/p' "$dir/pan.log" | tail -n 1)
    found=breaks
    [ "$errors" = 0 ] && found=holds
    printf '%-12s without %-18s %-7s %s states\n' "$property" "${without:-nothing}" "$found" "$states"
    if [ "$found" != "$want" ]; then
        echo "model: $property ${without:-} $found, and must not"
        failed=1
    fi
}

for property in order peer binding; do
    check "$property" holds
done
check never_works breaks
check order breaks ORDER
check binding breaks BINDING
# Evidence and authenticator guard each other: one check less is not yet an attack...
for one in ROLE PURPOSE CHALLENGE LEAF; do
    check peer holds "$one"
done
# ...but for these it is, each alone or as a pair.
check peer breaks BARE_CHECK       # an authenticator without a chain
check peer breaks MEASUREMENT      # the sibling
check peer breaks CHALLENGE LEAF   # relay, and replay of an earlier boot
check peer breaks PURPOSE LEAF     # the Attestation call as an oracle; the stream likewise
check peer breaks ROLE PURPOSE     # the client's own evidence sent back
exit $failed
