"""Small tools/call requests: CPU time per request, latency at a fixed rate, memory.

Closed loop (wrk) at 1, 64 and 256 connections gives the CPU time of the proxy per request; open
loop (h2load at a fixed rate over 16 connections) gives what the proxy adds to the median latency of
asking the server directly. The gateway routes by adapter and opens a sealed session id on every
request; the peers only forward.
"""
import argparse
import os
import subprocess
import sys

import rig

CONNECTIONS = (1, 64, 256)
RATE_PER_SECOND, RATE_CONNECTIONS = 2000, 16
BETTER_PEER = "better peer"


def parse_arguments():
    parser = argparse.ArgumentParser(prog="./dev bench forward")
    parser.add_argument("--rounds", type=int, default=5, help="interleaved rounds (default 5)")
    parser.add_argument("--seconds", type=int, default=3, help="seconds of one load (default 3)")
    return parser.parse_args()


def wrk_script(bench, proxy):
    path = os.path.join(bench.dir, f"{proxy.name}.lua")
    with open(path, "w") as script:
        script.write(f'''wrk.method = "POST"
wrk.body = [[{rig.CALL}]]
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Accept"] = "application/json, text/event-stream"
wrk.headers["Mcp-Session-Id"] = "{proxy.session}"
done = function(summary)
  local e = summary.errors
  print("RESULT", summary.requests, e.connect + e.read + e.write + e.status + e.timeout)
end
''')
    return path


def closed_loop(bench, proxy, connections, seconds):
    """Microseconds of the proxy's CPU time per request."""
    before = rig.cpu_seconds(proxy.pids)
    done = subprocess.run(
        ["taskset", "-c", rig.LOAD_CORE, "wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s",
         wrk_script(bench, proxy), proxy.url], capture_output=True, text=True, check=True)
    used = rig.cpu_seconds(proxy.pids) - before
    result = [line for line in done.stdout.splitlines() if line.startswith("RESULT")][0].split()
    requests, errors = int(result[1]), int(result[2])
    if errors or not requests:
        sys.exit(f"{proxy.name}: {errors} errors in {requests} requests")
    return used * 1e6 / requests


def open_loop(bench, url, session, seconds):
    """Latencies in microseconds, sorted, at RATE_PER_SECOND."""
    log = os.path.join(bench.dir, "latencies")
    body = os.path.join(bench.dir, "call.json")
    with open(body, "w") as call:
        call.write(rig.CALL)
    if os.path.exists(log):
        os.remove(log)
    subprocess.run(
        ["taskset", "-c", rig.LOAD_CORE, "h2load", "--h1", f"-c{RATE_CONNECTIONS}",
         f"--rps={RATE_PER_SECOND // RATE_CONNECTIONS}", f"-D{seconds}", f"--log-file={log}",
         f"-d{body}", "-H", "content-type: application/json", "-H",
         "accept: application/json, text/event-stream", "-H", f"mcp-session-id: {session}", url],
        capture_output=True, check=True)
    rows = [line.split() for line in open(log)]
    failed = [row for row in rows if row[1] != "200"]
    if failed or not rows:
        sys.exit(f"{url}: {len(failed)} of {len(rows)} requests failed")
    return sorted(int(row[2]) for row in rows)


def percentile(ordered, share):
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def measure(bench, arguments):
    cpu = {(p.name, c): [] for p in bench.proxies for c in CONNECTIONS}
    latency = {(p.name, q): [] for p in bench.proxies for q in ("p50", "p99")}
    direct_url = f"http://127.0.0.1:{bench.backend}/mcp"
    direct = []
    for number in range(arguments.rounds):
        print(f"round {number + 1} of {arguments.rounds}", file=sys.stderr)
        direct.append(percentile(
            open_loop(bench, direct_url, rig.SERVER_SESSION, arguments.seconds), 0.5))
        # Another one begins in each round, so that none always follows the same neighbour.
        turn = bench.proxies[number % 3:] + bench.proxies[:number % 3]
        for proxy in turn:
            for connections in CONNECTIONS:
                cpu[proxy.name, connections].append(
                    closed_loop(bench, proxy, connections, arguments.seconds))
            ordered = open_loop(bench, proxy.url, proxy.session, arguments.seconds)
            latency[proxy.name, "p50"].append(percentile(ordered, 0.5))
            latency[proxy.name, "p99"].append(percentile(ordered, 0.99))
    memory = {p.name: rig.resident_kib(p.pids) for p in bench.proxies}
    return cpu, latency, direct, memory


def row(title, values, digits=1):
    ours = values["mcp-gateway"]
    peer = min(values["nginx"], values["haproxy"])
    cells = [f"{values[name]:.{digits}f}" for name in ("mcp-gateway", "nginx", "haproxy")]
    return f"| {title} | " + " | ".join(cells) + f" | {ours / peer:.2f} |"


def report(bench, arguments, cpu, latency, direct, memory):
    names = [proxy.name for proxy in bench.proxies]
    lines = [f"Command: `./dev bench forward --rounds {arguments.rounds} "
             f"--seconds {arguments.seconds}`", ""]
    lines += rig.machine_lines()
    lines += ["- proxy pinned to core 0; load and server on core 1; loopback TCP",
              f"- request {len(rig.CALL)} B, answer {len(rig.ANSWER)} B of body; medians of "
              f"{arguments.rounds} interleaved rounds", "",
              f"| measure | mcp-gateway | nginx | HAProxy | ratio to the {BETTER_PEER} |",
              "|---|---|---|---|---|"]
    for connections in CONNECTIONS:
        values = {n: rig.median(cpu[n, connections]) for n in names}
        lines.append(row(f"CPU time per request, {connections} connections, µs", values))
    base = rig.median(direct)
    for quantile in ("p50", "p99"):
        values = {n: rig.median(latency[n, quantile]) for n in names}
        lines.append(row(f"latency {quantile} at {RATE_PER_SECOND} requests/s, µs "
                         f"(direct p50 {base:.0f})", values, 0))
    lines.append(row("memory after the load (proportional set size), KiB", memory, 0))
    widest = max(rig.spread(samples) for samples in cpu.values())
    lines += ["", f"The widest spread of one cell's CPU samples is ± {widest:.0f} %; smaller "
              "differences are undecided."]
    print("\n".join(lines))
    rig.write_results("forward", lines)


def main():
    arguments = parse_arguments()
    with rig.Rig() as bench:
        bench.start_backend()
        bench.start_gateway()
        bench.start_peer("nginx")
        bench.start_peer("haproxy")
        for proxy in bench.proxies:
            bench.verify(proxy)
        report(bench, arguments, *measure(bench, arguments))


if __name__ == "__main__":
    main()
