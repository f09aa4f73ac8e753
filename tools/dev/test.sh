#!/usr/bin/env bash
# `./dev test [PART...]`: everything that has to hold before a change goes in; CI runs the same.
#
# Parts, in their order: format layers unit system sim asan tsan fuzz. A part that fails ends the
# run. The last line is `N passed, N failed`, counting single test cases, checks and fuzz targets;
# the exit code is 0 only if every chosen part was run and passed. Logs of the parts: build/test/.
set -euo pipefail
. "$(dirname "$0")/common.sh"

all_parts="format layers unit system sim asan tsan fuzz"
fuzz_seconds="${MCPGW_FUZZ_SECONDS:-3}"
logs=build/test

# count PASSED FAILED: adds to the counts of the running part, which is a process of its own.
count() { echo "$1 $2" >>"$logs/$part.counts"; }
counted() { awk -v column="$1" '{ n += $column } END { print n + 0 }' $logs/*.counts; }

# Unit and system tests wait most of the time. Meanwhile later parts are built, with time of the
# processors that nothing else wants. What breaks is built again by its part, which shows it then.
ahead=
build_ahead() {
    local idle=(chrt --idle 0) wanted=""
    case " $parts " in *" sim "* | *" asan "* | *" fuzz "*) wanted="build asan;" ;; esac
    case " $parts " in *" tsan "*) wanted+=" build tsan $(tsan_targets)" ;; esac
    "${idle[@]}" true 2>/dev/null || idle=(nice -n 19)
    # Linux shares processors between sessions first (sched(7), autogroup): ours yields as a whole.
    setsid "${idle[@]}" bash -c "echo 19 2>/dev/null >/proc/self/autogroup
        . tools/dev/common.sh; $wanted" >"$logs/ahead.log" 2>&1 &
    ahead=$!
}

# Two builds of one folder would disturb each other.
finish_ahead() {
    [ -z "$ahead" ] || wait "$ahead" || true
    ahead=
}
trap '[ -z "$ahead" ] || kill -- "-$ahead"' EXIT

# build_part PRESET [TARGET...]: quiet, unless it fails.
build_part() {
    build "$@" >"$logs/$part.build.log" 2>&1 && return
    grep -nE 'error|FAILED|warning' "$logs/$part.build.log" | head -n 40 || true
    tail -n 25 "$logs/$part.build.log"
    return 1
}

# Runs the GoogleTest binaries of a build through ctest and counts their cases.
run_ctest() {
    local folder=$1 log=$logs/$part.log code=0 good bad
    shift
    without_randomisation ctest --test-dir "$folder" -V --no-tests=error -j "$jobs" "$@" \
        >"$log" 2>&1 || code=$?
    good=$(sed -n 's/.*\[  PASSED  \] \([0-9]*\) tests\{0,1\}\..*/\1/p' "$log" | paste -sd+ -)
    bad=$(grep -cE '\[  FAILED  \] [^ ]+\.[^ ]+ \([0-9]+ ms\)' "$log" || true)
    count $((${good:-0})) "$bad"
    [ $code = 0 ] && return
    tail -n 25 "$log"
    # Last, because it says most: the failures with what was expected.
    grep -nE -A 6 'Failure$|ERROR: |ThreadSanitizer|runtime error|Timeout' "$log" |
        head -n 80 || true
    grep -nE '\[  FAILED  \] [^ ]+\.[^ ]+ \(' "$log" | head -n 40 || true
    return $code
}

part_format() {
    tools/dev/format.sh --check
    count 1 0
}

part_layers() {
    python3 tools/checks/check.py --self-test
    python3 tools/checks/check.py
    count 2 0
}

part_unit() {
    build_part release
    run_ctest build
}

# simulate PRESET FIRST_SEED RUNS: one batch of seeds; a first seed of 0 stands for a fresh one.
simulate() {
    local options=(--quiet --runs "$3") log=$logs/sim.$1.$2.log
    [ "$2" = 0 ] || options+=(--seed "$2")
    if without_randomisation "$(build_folder "$1")/tests/simulate" "${options[@]}" \
        >"$log" 2>&1; then
        tail -n 1 "$log"
        return
    fi
    tail -n 60 "$log"
    return 1
}

# The same 300 seeds every time, so that a change that breaks one is seen at once, some of them
# under the address sanitizer; 300 fresh ones, so that the tests find more in time than they know;
# and the broken rules, each of which must be found. A fresh seed that breaks something need not be
# the fault of the change at hand, but it is a fault: docs/internals/simulation.md.
part_sim() {
    local batch broken=0
    build_part release simulate
    build_part asan simulate
    for batch in "release 1 300" "release 0 300" "asan 1 25"; do
        # shellcheck disable=SC2086  # a list of words
        if simulate $batch; then count 1 0; else count 0 1; broken=1; fi
    done
    python3 tests/sim/mutations/run.py "$(build_folder release)" >"$logs/sim.mutations.log" 2>&1 ||
        broken=1
    tail -n 1 "$logs/sim.mutations.log"
    grep -B1 'NOT FOUND' "$logs/sim.mutations.log" || true
    count "$(grep -c ': seed [0-9]* breaks' "$logs/sim.mutations.log" || true)" \
        "$(grep -c 'NOT FOUND' "$logs/sim.mutations.log" || true)"
    return $broken
}

# With clang, so that both compilers have accepted the whole tree without a warning.
part_asan() {
    build_part asan
    run_ctest build/asan
}

# Only what is shared between threads is interesting here; the list names those test binaries.
tsan_targets() { sed 's/#.*//' tests/tsan_targets.txt | xargs; }
part_tsan() {
    local targets
    targets=$(tsan_targets)
    # shellcheck disable=SC2086  # a list of words
    build_part tsan $targets
    TSAN_OPTIONS="halt_on_error=1 ${TSAN_OPTIONS:-}" run_ctest build/tsan -R "^(${targets// /|})\$"
}

part_fuzz() {
    local names name broken=0
    export MCPGW_FUZZ_PRESET=asan
    names=$(tools/dev/fuzz.sh --list 2>"$logs/fuzz.build.log") || {
        tail -n 40 "$logs/fuzz.build.log"
        return 1
    }
    [ -n "$names" ] || { echo "no fuzz target was found"; return 1; }
    # Side by side: the time of a target is fixed, so this divides the whole by the processors.
    printf '%s\n' "$names" | xargs -P "$jobs" -I{} sh -c \
        'tools/dev/fuzz.sh "$1" "$2" >"$3/fuzz.$1.log" 2>&1 && : >"$3/fuzz.$1.good"' \
        fuzz {} "$fuzz_seconds" "$logs" || true
    for name in $names; do
        if [ -e "$logs/fuzz.$name.good" ]; then
            count 1 0
        else
            count 0 1
            broken=1
            echo "fuzz target $name:"
            tail -n 40 "$logs/fuzz.$name.log"
        fi
    done
    return $broken
}

part_system() {
    local code=0
    build_part release
    tests/system/run.sh --counts "$logs/system.tap" || code=$?
    count "$(sed -n 's/^# pass //p' "$logs/system.tap")" \
        "$(sed -n 's/^# fail //p' "$logs/system.tap")"
    return $code
}

# Sets `code`. Never called in a condition, because bash ignores `set -e` inside conditions, and the
# parts rely on it.
run_part() {
    local start=$SECONDS verdict=passed failed_before
    part=$1
    echo "=== $part"
    failed_before=$(counted 2)
    set +e
    (
        set -e
        "part_$part"
    )
    code=$?
    set -e
    if [ $code != 0 ]; then
        verdict=FAILED
        # A part that broke before it could count a single case still counts as one failure.
        [ "$(counted 2)" -gt "$failed_before" ] || count 0 1
    fi
    report+=$(printf '%-8s %-7s %4d s' "$part" "$verdict" $((SECONDS - start)))$'\n'
}

parts="${*:-$all_parts}"
for part in $parts; do
    case " $all_parts " in
        *" $part "*) ;;
        *)
            echo "./dev test: no part '$part'; there are: $all_parts" >&2
            exit 2
            ;;
    esac
done

tools/setup run test
mkdir -p $logs
rm -f $logs/*
echo "0 0" >$logs/start.counts
report=""
code=0
for chosen in $parts; do
    if [ $code = 0 ]; then
        case $chosen in
            unit | system) [ -n "$ahead" ] || build_ahead ;;
            *) finish_ahead ;;
        esac
        run_part "$chosen"
    else
        report+=$(printf '%-8s not run' "$chosen")$'\n'
    fi
done
printf '\n%s' "$report"
echo "total    $SECONDS s"
echo "$(counted 1) passed, $(counted 2) failed"
exit $code
