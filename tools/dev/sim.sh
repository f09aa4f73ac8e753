#!/usr/bin/env bash
# `./dev sim`: the simulation of the data plane (tests/sim, docs/internals/simulation.md).
#
#   sim.sh [--seed N] [--runs N] [--trace] [--quiet]   see `./dev sim --help`
#   sim.sh --mutations                                 breaks rules of the engine on purpose, one at
#                                                      a time; the simulation must find each of them
set -euo pipefail
. "$(dirname "$0")/common.sh"
tools/setup run
build release simulate >&2
if [ "${1:-}" = --mutations ]; then
    [ $# = 1 ] || { echo "./dev sim: --mutations stands alone" >&2; exit 2; }
    exec python3 tests/sim/mutations/run.py "$(build_folder release)"
fi
exec build/tests/simulate "$@"
