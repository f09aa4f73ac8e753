"""The proxies under test, each with a fair, tuned configuration: start, CPU time, memory, end.

`mcp-gateway` routes by adapter and opens a sealed session id on every request; nginx and HAProxy
only forward; `floor` forwards bytes without knowing HTTP. All of them stay up for a whole run and
take turns. `signed-in` is the gateway where every request has a token; `beside`, on demand, is the
gateway of another build.
"""
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request

from issuer import Issuer

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("MCPGW_BUILD", os.path.join(ROOT, "build"))
GATEWAY, PEERS, FLOOR, BESIDE = "mcp-gateway", ("nginx", "haproxy"), "floor", "beside"
SIGNED_IN = "signed-in"
NAMES = (GATEWAY, *PEERS, FLOOR)
START_SECONDS_MAX = 15
# Proxies and load run before everything else of the machine (./dev bench --realtime).
REALTIME = False


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until(is_so, what, log):
    deadline = time.monotonic() + START_SECONDS_MAX
    while not is_so():
        if time.monotonic() > deadline:
            sys.exit(f"gave up waiting for {what}:\n{open(log).read()}")
        time.sleep(0.02)


def pinned(cores):
    """The start of a command whose processes run on these cores."""
    priority = ["chrt", "-f", "1"] if REALTIME else []
    return [*priority, "taskset", "-c", cores]


def listens(port):
    try:
        socket.create_connection(("127.0.0.1", port), 0.2).close()
        return True
    except OSError:
        return False


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


def process_cpu_seconds(pid):
    """The CPU clock of a process, in nanoseconds inside: all its threads, also those of the kernel
    that work for its rings, and also those that have ended."""
    return time.clock_gettime((~pid << 3) | 2)


def softirq_threads(cores):
    found = []
    for pid in os.listdir("/proc"):
        if pid.isdigit():
            try:
                with open(f"/proc/{pid}/comm") as comm:
                    if comm.read().strip() in [f"ksoftirqd/{core}" for core in cores.split(",")]:
                        found.append(int(pid))
            except OSError:
                pass
    return found


def schedstat_seconds(pid):
    with open(f"/proc/{pid}/schedstat") as stat:
        return int(stat.read().split()[0]) / 1e9


class Setting:
    """What differs between benchmarks: cores, workers, and sizes of buffers."""

    def __init__(self, cores="0", workers=1, haproxy_buffer=16384, haproxy_options="",
                 haproxy_connections=8192,
                 nginx_buffer="8k", nginx_body_buffer="16k", floor_buffers=(2048, 512),
                 gateway_flags=(), beside=None):
        self.cores, self.workers = cores, workers
        self.haproxy_buffer, self.haproxy_options = haproxy_buffer, haproxy_options
        self.haproxy_connections = haproxy_connections
        self.nginx_buffer, self.nginx_body_buffer = nginx_buffer, nginx_body_buffer
        self.floor_buffers = floor_buffers
        self.gateway_flags, self.beside = gateway_flags, beside


class Proxy:
    """A proxy that is up: where requests go, and whose CPU time and memory count."""

    path = "/mcp"
    token = None

    def __init__(self, name, setting, folder, backend):
        self.name, self.setting, self.folder, self.backend = name, setting, folder, backend
        self.children, self.pids = [], []
        self.log = os.path.join(folder, f"{name}.log")
        try:
            self.start()
        except BaseException:
            self.stop()
            raise

    def start(self):
        self.port = free_port()
        self.softirqs = softirq_threads(self.setting.cores)
        {GATEWAY: self._start_gateway, BESIDE: self._start_gateway,
         SIGNED_IN: self._start_signed_in, "nginx": self._start_nginx,
         "haproxy": self._start_haproxy, FLOOR: self._start_floor}[self.name]()

    def stop(self):
        for child in self.children:
            child.send_signal(signal.SIGTERM)
            try:
                child.wait(15)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
        self.children, self.pids = [], []

    def restart(self):
        self.stop()
        self.start()

    def cpu_seconds(self):
        """Of the proxy, and of the softirq threads of its cores, where the kernel finishes part of
        what it began for it; every other proxy is idle meanwhile."""
        return (sum(process_cpu_seconds(pid) for pid in self.pids)
                + sum(schedstat_seconds(pid) for pid in self.softirqs))

    def memory_bytes(self):
        """Proportional set size."""
        total = 0
        for pid in self.pids:
            with open(f"/proc/{pid}/smaps_rollup") as rollup:
                total += int(re.search(r"^Pss:\s+(\d+)", rollup.read(), re.M).group(1))
        return total * 1024

    def _spawn(self, command, cores=None, **options):
        options.setdefault("stdout", subprocess.DEVNULL)
        with open(self.log, "a") as log:
            child = subprocess.Popen(pinned(cores or self.setting.cores) + command,
                                     stderr=log, **options)
        self.children.append(child)
        return child

    def _configure(self, name, **values):
        with open(os.path.join(ROOT, "bench", "peers", name)) as source:
            text = source.read()
        for key, value in {"DIR": self.folder, "PORT": self.port, "BACKEND": self.backend,
                           "WORKERS": self.setting.workers, **values}.items():
            text = text.replace(f"@{key}@", str(value))
        path = os.path.join(self.folder, name)
        with open(path, "w") as target:
            target.write(text)
        return path

    def _start_nginx(self):
        masks = " ".join(format(1 << int(core), "b") for core in self.setting.cores.split(","))
        config = self._configure("nginx.conf", CORES=masks, BUFFER=self.setting.nginx_buffer,
                                 BODY_BUFFER=self.setting.nginx_body_buffer)
        child = self._spawn(["nginx", "-c", config])
        wait_until(lambda: listens(self.port)
                   and len(descendants(child.pid)) == 1 + self.setting.workers, "nginx", self.log)
        self.pids = descendants(child.pid)

    def _start_haproxy(self):
        cores = self.setting.cores.split(",")
        config = self._configure(
            "haproxy.cfg", CORES=f"{cores[0]}-{cores[-1]}", BUFFER=self.setting.haproxy_buffer,
            OPTIONS=self.setting.haproxy_options, CONNECTIONS=self.setting.haproxy_connections)
        child = self._spawn(["haproxy", "-f", config])
        wait_until(lambda: listens(self.port), "HAProxy", self.log)
        self.pids = descendants(child.pid)

    def _start_floor(self):
        size, count = self.setting.floor_buffers
        cores = self.setting.cores.split(",")
        for worker in range(self.setting.workers):
            self._spawn([os.path.join(BUILD, "bench", "bench-floor"), str(self.port),
                         str(self.backend), str(size), str(count)], cores[worker])
        wait_until(lambda: listens(self.port), "the floor probe", self.log)
        self.pids = [child.pid for child in self.children]

    def _start_signed_in(self):
        issuer = Issuer(self.folder)
        self.token = issuer.token()
        self._start_gateway(issuer.flags())

    def _start_gateway(self, flags=()):
        build = self.setting.beside if self.name == BESIDE else BUILD
        self.admin_port = self.port
        data = os.path.join(self.folder, f"data-{self.port}")
        child = self._spawn(
            [os.path.join(build, "bin", "mcp-gateway"), "up", "--listen", "127.0.0.1:0",
             "--admin-listen", f"127.0.0.1:{self.admin_port}",
             "--workers", str(self.setting.workers), "--data-dir", data,
             "--max-body-bytes", str(64 * 1024 * 1024), "--drain-seconds", "0",
             *flags, *self.setting.gateway_flags],
            stdout=subprocess.PIPE, text=True)
        line = child.stdout.readline()
        if not line.startswith("ready "):
            sys.exit("the gateway did not start:\n" + open(self.log).read())
        base = line.split()[1]
        self.port, self.path = int(base.rsplit(":", 1)[1]), "/adapters/bench/mcp"
        adapter = {"name": "bench", "url": f"http://127.0.0.1:{self.backend}/mcp"}
        # With tokens it is refused until the keys of their issuer are there.
        wait_until(lambda: post(base + "/adapters", adapter, self.token), "the adapter", self.log)
        wait_until(lambda: post(base + self.path, {"jsonrpc": "2.0", "id": 0,
                                                   "method": "initialize"}, self.token),
                   "an answer through the gateway", self.log)
        self.pids = [pid for pid in descendants(child.pid)
                     if "dataplane" in open(f"/proc/{pid}/cmdline").read()]


def metric(proxy, name):
    """The sum of a metric of the gateway over its labels."""
    url = f"http://127.0.0.1:{proxy.admin_port}/metrics"
    text = urllib.request.urlopen(url, timeout=START_SECONDS_MAX).read().decode()
    values = re.findall(rf"^{name}(?:{{[^}}]*}})? (\S+)$", text, re.M)
    return sum(float(value) for value in values) if values else None


def post(url, message, token=None):
    """Whether it was answered with a success."""
    headers = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    try:
        request = urllib.request.Request(url, json.dumps(message).encode(), headers)
        urllib.request.urlopen(request, timeout=START_SECONDS_MAX).read()
        return True
    except OSError:
        return False
