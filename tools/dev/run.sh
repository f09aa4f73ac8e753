#!/usr/bin/env bash
# `./dev run [ARGS...]`: the gateway in the foreground with two replicas of the bundled example
# server. ARGS are passed on to `mcp-gateway up`.
#
# The gateway replaces this shell, so Ctrl-C, other signals and the exit code are its own. A second
# shell reads its standard output for the line `ready http://…`, applies the adapter, and prints
# what to paste into a client; it ends the gateway if that fails, and ends with it otherwise.
set -euo pipefail
. "$(dirname "$0")/common.sh"
tools/dev/build.sh >&2
bin="$PWD/build/bin"

adapter_json() {
    cat <<JSON
{
  "name": "example",
  "description": "The bundled example server",
  "command": ["$bin/mcp-gateway-example-server"],
  "transport": "streamable-http",
  "replicaCount": 2
}
JSON
}

# Waits until both replicas are ready; servers start in milliseconds, machines can be slow.
wait_until_ready() {
    local server=$1 deadline=$((SECONDS + 60)) status=""
    while [ $SECONDS -lt $deadline ]; do
        status=$("$bin/mcp-gateway" adapters status example --json --server "$server") || return 1
        [[ $status =~ \"readyReplicas\":\ *2[^0-9] ]] && return
        sleep 0.1
    done
    printf 'the example server is not ready:\n%s\n' "$status" >&2
    return 1
}

print_instructions() {
    local server=$1
    cat <<TEXT

The gateway serves two replicas of the example server.

  MCP endpoint   $server/adapters/example/mcp
  management     $server/adapters

Client configuration, ready to paste:

{
  "mcpServers": {
    "example": {
      "type": "http",
      "url": "$server/adapters/example/mcp"
    }
  }
}

Ctrl-C ends everything.
TEXT
}

# Reads the gateway's standard output to its end. Signals of the terminal are for the gateway.
follow() {
    local line gateway=$1
    trap '' INT TERM
    while IFS= read -r line; do
        printf '%s\n' "$line"
        [[ $line =~ ^ready\ (http://[^ ]+)$ ]] || continue
        local server=${BASH_REMATCH[1]}
        if ! { adapter_json | "$bin/mcp-gateway" adapters apply -f - --server "$server" >&2 &&
            wait_until_ready "$server" && print_instructions "$server"; }; then
            echo "./dev run: the example adapter could not be set up; ending the gateway" >&2
            kill -TERM "$gateway"
        fi
    done
}

exec "$bin/mcp-gateway" up "$@" > >(follow $$)
