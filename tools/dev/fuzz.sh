#!/usr/bin/env bash
# `./dev fuzz NAME [SECONDS]`: one fuzz target, and what `./dev test fuzz` uses for each of them.
#
#   fuzz.sh --list           builds every target and prints their names
#   fuzz.sh NAME [SECONDS]   the whole corpus once, then new inputs for SECONDS (default 60)
#
# The corpus of a target is tests/fuzz/corpus/NAME. New inputs are kept beside the build, not in
# the tree; an input that breaks the target is left in build/fuzz/broken/. MCPGW_FUZZ_PRESET=asan
# takes the targets of that build, which runs them at half the speed but may be there already.
set -euo pipefail
. "$(dirname "$0")/common.sh"

preset="${MCPGW_FUZZ_PRESET:-fuzz}"
folder=$(build_folder "$preset")

fuzz_targets() {
    cmake --build "$folder" --target help | sed -n 's/^fuzz_\([a-z0-9_]*\): phony.*/\1/p' | sort
}

if [ "${1:-}" = "" ]; then
    echo "usage: ./dev fuzz NAME [SECONDS]" >&2
    exit 2
fi
tools/setup test
# Several run side by side in a test, but only one at a time may configure and build.
mkdir -p build
exec 9>build/fuzz.lock
flock 9
configure "$preset"
names=$(fuzz_targets)

if [ "$1" = --list ]; then
    # shellcheck disable=SC2046
    [ -z "$names" ] || build "$preset" $(printf 'fuzz_%s\n' $names) >&2
    printf '%s\n' "$names"
    exit
fi

name=$1
seconds=${2:-60}
if ! printf '%s\n' "$names" | grep -qxF "$name"; then
    echo "./dev fuzz: no target '$name'; there are: $(echo $names)" >&2
    exit 2
fi
if ! [[ $seconds =~ ^[0-9]+$ ]]; then
    echo "./dev fuzz: '$seconds' is not a number of seconds" >&2
    exit 2
fi

build "$preset" "fuzz_$name" >&2
exec 9>&-
mkdir -p build/fuzz/broken "build/fuzz/found/$name"
corpus=tests/fuzz/corpus/$name
seeds=()
[ ! -d "$corpus" ] || seeds=("$corpus")
limits=(-max_len=65536 -timeout=10 -rss_limit_mb=2048 "-artifact_prefix=build/fuzz/broken/$name-")
program=$folder/fuzz/fuzz_$name
if [ ${#seeds[@]} -gt 0 ]; then
    without_randomisation "$program" "${limits[@]}" -runs=0 "${seeds[@]}"
fi
[ "$seconds" = 0 ] || without_randomisation "$program" "${limits[@]}" \
    -max_total_time="$seconds" -print_final_stats=1 "build/fuzz/found/$name" "${seeds[@]}"
