"""Small tools/call requests in a closed loop: CPU time of the proxy per request, and latency.

Each connection has a session and asks again as soon as it is answered. At one connection the median
latency shows the proxy's turnaround; the load never sleeps, so no wake-up but the proxy's is in it.
"""
import proxies
from proxies import Setting
from rig import Cell

ABOUT = "small JSON calls at 1, 64 and 256 connections: CPU time per request, latency at 1"
NOTES = ["request 110 B, answer 300 B of body; every connection is a session of its own",
         "signed-in: the gateway with --auth oidc, and a token of 1 KiB (RS256) in every request"]
COLUMNS = (proxies.SIGNED_IN,)
SETTING = Setting()
CONNECTIONS = (1, 64, 256)


def add_arguments(parser):
    parser.add_argument("--connections", help="numbers of connections (default 1,64,256)")


class Calls(Cell):
    def __init__(self, connections, seconds):
        self.connections, self.seconds = connections, seconds

    def measure(self, rig, proxy):
        outcome = rig.measure_run(proxy, "calls", clients=self.connections,
                                  milliseconds=int(self.seconds * 1000))
        plural = "s" if self.connections > 1 else ""
        rows = rig.cost(outcome, outcome["count"],
                        f"request, {self.connections} connection{plural}")
        if self.connections == 1 and not rig.counts:
            rows["median latency, 1 connection, µs"] = outcome["p50"]
        return rows


def cells(arguments):
    chosen = arguments.connections.split(",") if arguments.connections else CONNECTIONS
    return [Calls(int(connections), arguments.seconds) for connections in chosen]
