#!/usr/bin/env bash
# Benchmarks beside nginx, HAProxy and a bare forwarding probe: ./dev bench [NAME|all] [options]
#
# Not tests: they assert nothing about time. Each prints medians and ratios of one interleaved run
# and writes its part of bench/RESULTS.md; bench/README.md says how to read them.
set -euo pipefail
cd "$(dirname "$0")/.."

case " $* " in
    *" --help "* | *" -h "*) exec python3 bench/macro/main.py "$@" ;;
esac
tools/setup run
tools/setup bench
tools/dev/build.sh
cmake --preset release -DMCPGW_BENCH=ON >/dev/null
tools/dev/build.sh bench-load bench-floor bench-sessions
exec python3 bench/macro/main.py "$@"
