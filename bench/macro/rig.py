"""What every macro benchmark needs: pinned processes, ports, CPU time, medians, and the report.

The proxy under test runs on core 0; load generator and server share core 1. All proxies stay up
for the whole run and take turns, so that a change of the machine's speed meets all of them.
"""
import json
import os
import platform
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BIN = os.environ.get("MCPGW_BIN", os.path.join(ROOT, "build", "bin"))
PROXY_CORE, LOAD_CORE = "0", "1"
ANSWER = json.dumps({
    "jsonrpc": "2.0", "id": 7,
    "result": {"content": [{"type": "text", "text": "0123456789" * 10}],
               "structuredContent": {"message": "0123456789" * 8}, "isError": False}},
    separators=(",", ":"))
CALL = json.dumps({"jsonrpc": "2.0", "id": 7, "method": "tools/call",
                   "params": {"name": "echo", "arguments": {"message": "hello world"}}},
                  separators=(",", ":"))
SERVER_SESSION = "0123456789abcdef0123456789abcdef"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for_port(port, seconds=10):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), 0.2).close()
            return
        except OSError:
            time.sleep(0.02)
    sys.exit(f"nothing listens on port {port}")


def descendants(pid):
    """The process and all its children, by /proc."""
    found, todo = [], [pid]
    while todo:
        current = todo.pop()
        found.append(current)
        try:
            for task in os.listdir(f"/proc/{current}/task"):
                with open(f"/proc/{current}/task/{task}/children") as children:
                    todo += [int(child) for child in children.read().split()]
        except OSError:
            pass
    return found


def cpu_seconds(pids):
    """User and system time of the processes, from the scheduler's nanosecond counts."""
    total = 0
    for pid in pids:
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/schedstat") as stat:
                total += int(stat.read().split()[0])
    return total / 1e9


def resident_kib(pids):
    total = 0
    for pid in pids:
        with open(f"/proc/{pid}/smaps_rollup") as rollup:
            total += int(re.search(r"^Pss:\s+(\d+)", rollup.read(), re.M).group(1))
    return total


class Proxy:
    """A proxy that is up: where to send requests, and whose CPU time counts."""

    def __init__(self, name, url, pids, session=SERVER_SESSION):
        self.name, self.url, self.pids, self.session = name, url, pids, session


class Rig:
    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="mcpgw-bench-")
        self.children = []
        self.proxies = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for child in reversed(self.children):
            child.send_signal(signal.SIGTERM)
        for child in reversed(self.children):
            try:
                child.wait(15)
            except subprocess.TimeoutExpired:
                child.kill()
        shutil.rmtree(self.dir, ignore_errors=True)

    def start(self, core, command, **options):
        child = subprocess.Popen(["taskset", "-c", core] + command, **options)
        self.children.append(child)
        return child

    def configure(self, name, **values):
        with open(os.path.join(ROOT, "bench", "peers", name)) as source:
            text = source.read()
        for key, value in {"DIR": self.dir, "ANSWER": ANSWER, **values}.items():
            text = text.replace(f"@{key}@", str(value))
        path = os.path.join(self.dir, name)
        with open(path, "w") as target:
            target.write(text)
        return path

    def start_backend(self):
        self.backend = free_port()
        self.start(LOAD_CORE, ["nginx", "-c",
                               self.configure("nginx-backend.conf", BACKEND=self.backend)])
        wait_for_port(self.backend)

    def start_peer(self, name):
        port = free_port()
        file = "nginx.conf" if name == "nginx" else "haproxy.cfg"
        config = self.configure(file, PORT=port, BACKEND=self.backend)
        command = ["nginx", "-c", config] if name == "nginx" else ["haproxy", "-f", config]
        child = self.start(PROXY_CORE, command, stdout=subprocess.DEVNULL,
                           stderr=subprocess.DEVNULL)
        wait_for_port(port)
        self.proxies.append(Proxy(name, f"http://127.0.0.1:{port}/mcp", descendants(child.pid)))

    def start_gateway(self):
        child = self.start(
            PROXY_CORE,
            [os.path.join(BIN, "mcp-gateway"), "up", "--listen", "127.0.0.1:0", "--admin-listen",
             "127.0.0.1:0", "--workers", "1", "--data-dir", os.path.join(self.dir, "data")],
            stdout=subprocess.PIPE, stderr=open(os.path.join(self.dir, "gateway.log"), "w"),
            text=True)
        line = child.stdout.readline()
        if not line.startswith("ready "):
            sys.exit("the gateway did not start:\n"
                     + open(os.path.join(self.dir, "gateway.log")).read())
        base = line.split()[1]
        adapter = json.dumps({"name": "bench", "url": f"http://127.0.0.1:{self.backend}/mcp"})
        request = urllib.request.Request(base + "/adapters", adapter.encode(),
                                         {"Content-Type": "application/json"})
        urllib.request.urlopen(request).read()
        url = base + "/adapters/bench/mcp"
        session = self.open_session(url)
        pids = [pid for pid in descendants(child.pid)
                if "dataplane" in open(f"/proc/{pid}/cmdline").read()]
        self.proxies.append(Proxy("mcp-gateway", url, pids, session))

    @staticmethod
    def open_session(url):
        body = json.dumps({"jsonrpc": "2.0", "id": 0, "method": "initialize"}).encode()
        headers = {"Content-Type": "application/json",
                   "Accept": "application/json, text/event-stream"}
        deadline = time.monotonic() + 10
        while True:
            try:
                answer = urllib.request.urlopen(urllib.request.Request(url, body, headers))
                return answer.headers["Mcp-Session-Id"]
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)

    def verify(self, proxy):
        """The proxy's answer is byte for byte the server's."""
        request = urllib.request.Request(
            proxy.url, CALL.encode(),
            {"Content-Type": "application/json", "Mcp-Session-Id": proxy.session,
             "Accept": "application/json, text/event-stream"})
        body = urllib.request.urlopen(request).read().decode()
        if body != ANSWER:
            sys.exit(f"{proxy.name} does not give the server's answer: {body[:200]}")


def median(values):
    return statistics.median(values)


def spread(values):
    """Half the distance between the extremes, in per cent of the median."""
    return 50 * (max(values) - min(values)) / median(values)


def first_line(*command):
    try:
        done = subprocess.run(command, capture_output=True, text=True)
        return (done.stdout or done.stderr).splitlines()[0]
    except (OSError, IndexError):
        return "unknown"


def machine_lines():
    with open("/proc/cpuinfo") as cpuinfo:
        model = re.search(r"model name\s*:\s*(.*)", cpuinfo.read())
    return [
        f"- machine: {os.cpu_count()} cores, {model.group(1) if model else platform.machine()}",
        f"- kernel: {platform.release()}",
        f"- nginx: {first_line('nginx', '-v').split('/')[-1]}",
        f"- HAProxy: {first_line('haproxy', '-v').split()[2]}",
        f"- mcp-gateway: {first_line(os.path.join(BIN, 'mcp-gateway'), 'version')}",
    ]


def write_results(section, lines):
    """Replaces one section of bench/RESULTS.md; the others stay."""
    path = os.path.join(ROOT, "bench", "RESULTS.md")
    head = "# Results\n\nWritten by `./dev bench`; compare within one table only.\n"
    text = open(path).read() if os.path.exists(path) else head
    body = f"\n## {section}\n\n" + "\n".join(lines) + "\n"
    pattern = re.compile(rf"\n## {re.escape(section)}\n.*?(?=\n## |\Z)", re.S)
    text = pattern.sub(lambda _: body, text) if pattern.search(text) else text + body
    with open(path, "w") as target:
        target.write(text)
    print(f"written to {os.path.relpath(path, ROOT)}")
