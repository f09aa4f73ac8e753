#!/usr/bin/env bash
# Formats the C++ sources with clang-format-19, or checks that they are formatted.
#
#   format.sh --write        `./dev fmt`
#   format.sh --check        fails and names the places
set -euo pipefail
. "$(dirname "$0")/common.sh"
mode="${1:---check}"
tools/setup test
sources=$(find common dataplane controlplane tools tests bench -name node_modules -prune -o \
    -type f \( -name '*.h' -o -name '*.cpp' \) -print | sort)
case "$mode" in
    --write) printf '%s\n' "$sources" | xargs -r clang-format-19 -i ;;
    --check)
        printf '%s\n' "$sources" |
            xargs -r -n 20 -P "$jobs" clang-format-19 --dry-run -Werror
        ;;
    *)
        echo "format.sh: --write or --check, not '$mode'" >&2
        exit 2
        ;;
esac
