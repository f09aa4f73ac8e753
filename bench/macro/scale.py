"""One and two workers: CPU time of the proxy per request.

On each of two cores there is a load, and the servers share a port, so half of the traffic goes from
core to core however many workers there are. One worker has core 0; two have both. A worker shares
its core with a load, which costs every proxy something; what counts is how much more each needs
with two workers than with one. Each worker has as many connections in both cases: with twice as
many, one worker would find more to do in each turn, and a turn has a price of its own.
"""
import copy

from proxies import Setting
from rig import Cell

ABOUT = "small JSON calls on 1 and 2 workers: CPU time per request"
NOTES = ["a load on each of both cores; proxy on core 0 with one worker, on both cores with two; 64 "
         "connections for each worker"]
SETTING = Setting()
LOAD_CORES = ("0", "1")
CORES = {1: "0", 2: "0,1"}
CONNECTIONS = 64  # of one worker


def add_arguments(_):
    pass


class Scale(Cell):
    def __init__(self, seconds):
        self.seconds = seconds

    def measure(self, rig, proxy):
        rows = {}
        for workers, cores in CORES.items():
            proxy.setting = copy.copy(SETTING)
            proxy.setting.workers, proxy.setting.cores = workers, cores
            proxy.restart()
            clients = CONNECTIONS * workers // len(LOAD_CORES)
            outcome = rig.measure_run(proxy, "calls", clients=clients,
                                      spin=0, milliseconds=int(self.seconds * 1000))
            plural = "s" if workers > 1 else ""
            rows |= rig.cost(outcome, outcome["count"], f"request, {workers} worker{plural}")
        if not rig.counts:
            one, two = rows.values()
            rows["2 workers to 1"] = two / one
        return rows


def cells(arguments):
    return [Scale(arguments.seconds)]
