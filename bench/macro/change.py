"""How long a change made through the API takes to reach routing, with many adapters there.

Three changes in turn, each of another adapter: one is created, one gets another request header, one
is deleted. The clock starts with the request to the API and ends when the first request on the data
path shows the change; requests follow each other without a pause. `acknowledged` is the time to the
API's own answer, which is given once the change is on disk. Creating includes the first probe of
the adapter's server: nothing is routed to a server that has not answered.
"""
import argparse
import http.client
import http.server
import json
import os
import platform
import shlex
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time

import proxies
import report

ABOUT = "from a change in the API to routing, with 1,000 adapters: milliseconds"
ADAPTERS = 1_000
ROUNDS, ROUNDS_QUICK = 101, 11
SECONDS_MAX = 10


def parser():
    result = argparse.ArgumentParser(prog="./dev bench change", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    result.add_argument("--rounds", type=int, help=f"rounds of changes (default {ROUNDS})")
    result.add_argument("--adapters", type=int, default=ADAPTERS,
                        help=f"adapters that are there (default {ADAPTERS:,})")
    result.add_argument("--quick", action="store_true", help=f"{ROUNDS_QUICK} rounds")
    return result


class Echo(http.server.BaseHTTPRequestHandler):
    """Answers with the request header that the adapter adds."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # head and body in one piece

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = json.dumps({"jsonrpc": "2.0", "id": 1,
                           "result": {"round": self.headers.get("X-Round", "")}}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def connection_to(authority):
    """http.client sends head and body apart: without this the body waits for an acknowledgement."""
    connection = http.client.HTTPConnection(authority, timeout=SECONDS_MAX)
    connection.connect()
    connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 4096  # all adapters are probed here, and a full queue costs a second


class Gateway:
    """`mcp-gateway up` in a folder of its own, with one connection for each side."""

    def __init__(self, folder):
        self.log = os.path.join(folder, "gateway.log")
        with open(self.log, "w") as log:
            self.child = subprocess.Popen(
                [os.path.join(proxies.BUILD, "bin", "mcp-gateway"), "up", "--listen",
                 "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--workers", "1", "--data-dir",
                 os.path.join(folder, "data"), "--drain-seconds", "0"],
                stdout=subprocess.PIPE, stderr=log, text=True)
        line = self.child.stdout.readline()
        if not line.startswith("ready "):
            sys.exit("the gateway did not start:\n" + open(self.log).read())
        authority = line.split()[1].split("//")[1]
        self.api, self.data = connection_to(authority), connection_to(authority)

    def change(self, method, path, body=None):
        self.api.request(method, path, body and json.dumps(body),
                         {"Content-Type": "application/json"})
        answer = self.api.getresponse()
        text = answer.read()
        if answer.status >= 300:
            sys.exit(f"{method} {path}: {answer.status} {text.decode()}")

    def call(self, name):
        """What the data path answers: status, and the header that the server got."""
        self.data.request("POST", f"/adapters/{name}/mcp",
                          '{"jsonrpc":"2.0","id":1,"method":"ping"}',
                          {"Content-Type": "application/json",
                           "Accept": "application/json, text/event-stream"})
        answer = self.data.getresponse()
        text = answer.read()
        result = json.loads(text).get("result", {}) if answer.status == 200 else {}
        return answer.status, result.get("round")

    def end(self):
        self.child.terminate()
        self.child.wait(30)


def timed(gateway, change, name, is_so):
    """Milliseconds to the API's answer and to the first request that shows the change."""
    start = time.monotonic()
    gateway.change(*change)
    acknowledged = time.monotonic()
    while not is_so(*gateway.call(name)):
        if time.monotonic() > start + SECONDS_MAX:
            sys.exit(f"{change[0]} {change[1]} has not reached routing in {SECONDS_MAX} s")
    return (acknowledged - start) * 1e3, (time.monotonic() - start) * 1e3


def adapter(name, url, header="-"):
    return {"name": name, "url": url, "affinity": "none", "requestHeaders": {"X-Round": header}}


def measure(arguments, gateway, url):
    """change -> its (acknowledged, routed) times."""
    for number in range(arguments.adapters):
        gateway.change("POST", "/adapters", adapter(f"a-{number}", url))
        if number % 100 == 0:
            print(f"{number} adapters", file=sys.stderr)
    deadline = time.monotonic() + 60
    while gateway.call(f"a-{arguments.adapters - 1}")[0] != 200:
        if time.monotonic() > deadline:
            sys.exit("the adapters are not ready after a minute")
    times = {"create": [], "change a header": [], "delete": []}
    for number in range(arguments.rounds):
        old, new = f"a-{number * 7 % arguments.adapters}", f"new-{number}"
        times["create"].append(timed(
            gateway, ("POST", "/adapters", adapter(new, url)), new,
            lambda status, _: status == 200))
        times["change a header"].append(timed(
            gateway, ("PUT", f"/adapters/{old}", adapter(old, url, str(number))), old,
            lambda _, header, number=number: header == str(number)))
        times["delete"].append(timed(
            gateway, ("DELETE", f"/adapters/{new}"), new, lambda status, _: status == 404))
    return times


def row(what, pairs):
    columns = []
    for values in zip(*pairs):
        ordered = sorted(values)
        columns += [statistics.median(ordered), ordered[int(len(ordered) * 0.99)]]
    return f"| {what} | " + " | ".join(report.number(value) for value in columns) + " |"


def main(words):
    arguments = parser().parse_args(words)
    is_complete = not arguments.quick and arguments.adapters >= ADAPTERS
    arguments.rounds = arguments.rounds or (ROUNDS_QUICK if arguments.quick else ROUNDS)
    load = os.getloadavg()[0]
    server = Server(("127.0.0.1", 0), Echo)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory(prefix="mcpgw-bench-") as folder:
        gateway = Gateway(folder)
        try:
            times = measure(arguments, gateway, f"http://127.0.0.1:{server.server_port}/mcp")
        finally:
            gateway.end()
    lines = [
        f"Command: `{shlex.join(['./dev', 'bench', 'change', *words])}`", "",
        report.machine_lines()[0],
        f"- kernel: {platform.release()}, revision "
        + report.first_line("git", "-C", proxies.ROOT, "rev-parse", "--short", "HEAD"),
        f"- load average before the run: {load:.1f}",
        f"- {arguments.adapters:,} adapters, {arguments.rounds} of each change; milliseconds",
        "", "| change | acknowledged, median | p99 | routed, median | p99 |",
        "|---|---|---|---|---|", *[row(what, pairs) for what, pairs in times.items()]]
    print("\n".join(lines))
    if is_complete:
        report.write_results("change", lines)
    else:
        print("bench/RESULTS.md is left as it is: this was not a complete run")
