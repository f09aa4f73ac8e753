#!/usr/bin/env bash
# `./dev build`: the release build of the executables, in build/bin/.
# Arguments are CMake targets to build instead.
set -euo pipefail
. "$(dirname "$0")/common.sh"
tools/setup run
configure release
# shellcheck disable=SC2046  # a list of words
[ $# -gt 0 ] || set -- $(executables release)
build release "$@"
