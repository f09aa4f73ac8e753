#!/usr/bin/env bash
# `./dev check`: format, and the rules of the tree that a compiler does not know (tools/checks):
# include ranks, sizes, file heads, names and words. First the rules themselves are tried on small
# good and bad examples, so that a check that finds nothing is known to be able to find something.
set -euo pipefail
. "$(dirname "$0")/common.sh"
tools/dev/format.sh --check
python3 tools/checks/check.py --self-test
python3 tools/checks/check.py
