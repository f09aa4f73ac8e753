#!/usr/bin/env bash
# `./dev sim`: the simulation of the data plane (tests/sim, docs/internals/simulation.md).
# Builds the simulator as a release and hands it the arguments: `--seed N`, `--runs N`, `--trace`.
set -euo pipefail
. "$(dirname "$0")/common.sh"
tools/setup run
build release simulate >&2
exec build/tests/simulate "$@"
