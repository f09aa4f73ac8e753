"""Memory of what only waits: event streams and keep-alive connections.

Each measurement begins with a fresh process, because memory that was once taken is seldom given
back. The proxy answers one request first; what it then has is the baseline.
"""
import time

from proxies import Setting
from rig import Cell

ABOUT = "memory per idle event stream and idle connection at 5,000; total at 3,000 streams"
NOTES = ["proportional set size of the proxy's processes (of the gateway: the data plane), grown "
         "over that of the fresh process and divided by the number; memory of the kernel, such as "
         "socket buffers, is in none of the columns",
         "each stream has delivered one event and each connection one answer before"]
SETTING = Setting(nginx_buffer="4k")
SETTLE_SECONDS = 1


def add_arguments(parser):
    parser.add_argument("--streams", help="number of idle streams and connections (default 5000)")


class Idle(Cell):
    def __init__(self, verb, what, count):
        self.verb, self.what, self.count = verb, what, count

    def hold(self, rig, proxy):
        """Memory before and after."""
        proxy.restart()
        rig.load.prepare("hold_connections", proxy, clients=1)
        rig.load.close()
        time.sleep(SETTLE_SECONDS / 2)
        before = proxy.memory_bytes()
        rig.load.prepare(self.verb, proxy, clients=self.count)
        time.sleep(SETTLE_SECONDS)
        after = proxy.memory_bytes()
        rig.load.close()
        return before, after

    def measure(self, rig, proxy):
        before, after = self.hold(rig, proxy)
        return {f"memory per idle {self.what}, {self.count:,} of them, B":
                (after - before) / self.count}


class Total(Idle):
    def measure(self, rig, proxy):
        _, after = self.hold(rig, proxy)
        return {f"memory with {self.count:,} idle {self.what}s, KiB": after / 1024}


def cells(arguments):
    count = int(arguments.streams or 5000)
    return [Idle("hold_streams", "stream", count), Idle("hold_connections", "connection", count),
            Total("hold_streams", "stream", min(3000, count))]
