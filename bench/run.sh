#!/usr/bin/env bash
# Benchmarks beside nginx and HAProxy: ./dev bench [NAME] [--rounds N] [--seconds N]
#
# Not tests: they assert nothing about time. Each prints medians and ratios of one interleaved run
# and writes its part of bench/RESULTS.md.
set -euo pipefail
cd "$(dirname "$0")/.."

benchmarks="forward"
usage() {
    echo "usage: ./dev bench [NAME] [--rounds N] [--seconds N]"
    echo "benchmarks: $benchmarks"
}

name="${1:-forward}"
[ $# -gt 0 ] && shift
case " $benchmarks " in
    *" $name "*) ;;
    *)
        [ "$name" = "--help" ] || [ "$name" = "-h" ] && usage && exit 0
        echo "./dev bench: no benchmark '$name'" >&2
        usage >&2
        exit 2
        ;;
esac
tools/setup run
tools/setup bench
tools/dev/build.sh
exec python3 "bench/macro/$name.py" "$@"
