#!/usr/bin/env bash
# Tries the two commands of the README on a bare Debian: a root made with debootstrap in which
# nothing is installed, with a copy of this tree in it. Not part of ./dev test; needs root,
# debootstrap, and a Debian mirror.
#
#   tests/bare/try.sh [--suite bookworm] [--mirror URL] [--keep] [--root FOLDER] [run] [test]
#
# `run` starts `./dev run`, waits for its configuration and asks the gateway for its tools; `test`
# runs `./dev test`. Default: both. --root reuses a root that an earlier run kept. What the host
# needs to reach its mirrors (resolver, proxies, certificates) is passed on; installed software is
# not.
set -euo pipefail
cd "$(dirname "$0")/../.."
suite=bookworm
mirror=()  # without: the one that debootstrap itself knows
keep=no
root=""
parts=""
while [ $# -gt 0 ]; do
    case "$1" in
        --suite) suite=$2; shift 2 ;;
        --mirror) mirror=("$2"); shift 2 ;;
        --root) root=$2; keep=yes; shift 2 ;;
        --keep) keep=yes; shift ;;
        run | test) parts="$parts $1"; shift ;;
        *)
            sed -n '2,13s/^# \{0,1\}//p' "$0" >&2
            exit 2
            ;;
    esac
done
[ -n "$parts" ] || parts="run test"
[ "$(id -u)" = 0 ] || { echo "try.sh: needs root (debootstrap, mount, chroot)" >&2; exit 1; }
[ -n "$root" ] || root=$(mktemp -d /var/tmp/mcpgw-bare.XXXXXX)
mkdir -p "$root"

say() { printf '\n=== %s (%d s)\n' "$1" "$SECONDS"; }

# Only what was mounted here is unmounted, and nothing is deleted while a mount could be left.
tidy() {
    local attempt
    # What was interrupted inside needs a moment to let go.
    for attempt in {1..50}; do
        umount -R "$root" 2>/dev/null && break
        mountpoint -q "$root" || break
        sleep 0.2
    done
    if mountpoint -q "$root" || grep -q " $root/" /proc/mounts; then
        echo "try.sh: something is still mounted below $root" >&2
    elif [ $keep = no ]; then
        rm -rf --one-file-system "$root"
    else
        echo "try.sh: the root is kept in $root"
    fi
}
trap tidy EXIT

make_root() {
    [ -e "$root/etc/debian_version" ] && return
    say "debootstrap $suite (minbase)"
    debootstrap --variant=minbase "$suite" "$root" "${mirror[@]}" >/dev/null
}

# The root is mounted on itself, so that mount namespaces inside work as on a machine.
enter_root() {
    mount --bind "$root" "$root"
    mount --make-private "$root"
    mount -t proc proc "$root/proc"
    mount --rbind /dev "$root/dev"
    mount --make-rslave "$root/dev"
    mount -t sysfs -o ro sysfs "$root/sys"
    mount -t tmpfs tmpfs "$root/run"
    cp /etc/resolv.conf "$root/etc/resolv.conf"
    # Every installed machine knows its own name; a root straight from debootstrap does not yet.
    [ -s "$root/etc/hosts" ] || echo "127.0.0.1 localhost" >"$root/etc/hosts"
    if [ -d /usr/local/share/ca-certificates ]; then
        mkdir -p "$root/usr/local/share/ca-certificates"
        cp -rT /usr/local/share/ca-certificates "$root/usr/local/share/ca-certificates"
    fi
}

# What a checkout would hold: tracked files and new ones, nothing built or installed; and beside it
# what tests expect there.
copy_tree() {
    rm -rf "$root/src" "$root/shared"
    [ ! -d ../shared ] || cp -rT ../shared "$root/shared"
    mkdir -p "$root/src"
    git ls-files -z -co --exclude-standard | while IFS= read -r -d '' path; do
        [ -e "$path" ] && printf '%s\0' "$path"
    done | tar -c --null -T - | tar -x -C "$root/src"
}

# Replaces its shell, so that a signal to a background `inside` reaches the program.
inside() {
    local variables=() name
    for name in http_proxy https_proxy no_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY \
        npm_config_registry NODE_EXTRA_CA_CERTS; do
        [ -z "${!name:-}" ] || variables+=("$name=${!name}")
    done
    exec chroot "$root" env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
        HOME=/root "${variables[@]}" sh -c 'cd /src && exec "$@"' inside "$@"
}

# Asks the gateway for its tools with bash alone, because a bare machine has no client.
ask_for_tools() {
    (inside bash -c '
        ask() {
            exec 3<>/dev/tcp/127.0.0.1/8000
            printf "POST /adapters/example/mcp HTTP/1.1\r\nHost: 127.0.0.1:8000\r\n" >&3
            printf "Accept: application/json, text/event-stream\r\nConnection: close\r\n" >&3
            printf "Content-Type: application/json\r\nContent-Length: %d\r\n%b\r\n%s" \
                "${#1}" "$2" "$1" >&3
            cat <&3
        }
        params="{\"protocolVersion\":\"2025-11-25\",\"capabilities\":{},"
        params+="\"clientInfo\":{\"name\":\"bash\",\"version\":\"1\"}}"
        hello="{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\",\"params\":$params}"
        id=$(ask "$hello" "" | tr -d "\r" | sed -n "s/^[Mm]cp-[Ss]ession-[Ii]d: //p")
        [ -n "$id" ] || { echo "no session"; exit 1; }
        list="{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\"}"
        ask "$list" "Mcp-Session-Id: $id\r\n" | grep -o "\"name\":\"[a-z]*\"" | sort -u')
}

try_run() {
    say "./dev run"
    local log=$root/run.log pid=""
    inside ./dev run >"$log" 2>&1 &
    pid=$!
    local end=$((SECONDS + 1200))
    until grep -q '"mcpServers"' "$log"; do
        if ! kill -0 $pid 2>/dev/null || [ $SECONDS -gt $end ]; then
            tail -n 40 "$log"
            echo "./dev run did not become ready"
            return 1
        fi
        sleep 1
    done
    cat "$log"
    say "tools of the example server"
    local tools
    tools=$(ask_for_tools)
    printf '%s\n' "$tools"
    [ "$(printf '%s\n' "$tools" | wc -l)" -ge 5 ]
    kill -TERM $pid
    wait $pid
    say "./dev run ended"
}

try_test() {
    say "./dev test"
    (inside ./dev test)
}

make_root
enter_root
copy_tree
for part in $parts; do "try_$part"; done
say "all is well"
