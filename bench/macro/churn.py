"""A new connection for every request: CPU time of the proxy per request.

Each of 64 clients connects, makes one small call on a session that exists, and closes. The peers
and the gateway keep their connections to the server; the floor, which knows no HTTP, opens one for
each client and so does twice the work.
"""
from proxies import Setting
from rig import Cell

ABOUT = "a new connection for every small call, 64 at a time: CPU time per request"
NOTES = ["64 clients; the client closes after its answer; the floor opens a connection to the "
         "server for each of the client's"]
SETTING = Setting()
CLIENTS = 64


def add_arguments(parser):
    parser.add_argument("--clients", type=int, default=CLIENTS,
                        help=f"connections at a time (default {CLIENTS})")


class Churn(Cell):
    def __init__(self, clients, seconds):
        self.clients, self.seconds = clients, seconds

    def measure(self, rig, proxy):
        outcome = rig.measure_run(proxy, "calls", clients=self.clients, fresh=1,
                                  milliseconds=int(self.seconds * 1000))
        return rig.cost(outcome, outcome["count"], "request on a new connection")


def cells(arguments):
    return [Churn(arguments.clients, arguments.seconds)]
