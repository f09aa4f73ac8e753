"""One and two workers: CPU time of the proxy per request.

On each of two cores there is a load, and the servers share a port, so half of the traffic goes from
core to core however many workers there are. One worker has core 0; two have both. A worker shares
its core with a load, which costs every proxy something; what counts is how much more each needs
with two workers than with one. So each worker has the same to do in both cases: as many
connections, and as many requests a second. In a closed loop one worker would be the bottleneck, and
do more in each turn than either of two, which are not: the bare probe then looks 75 % dearer with
two.
"""
import copy

from proxies import Setting
from rig import Cell

ABOUT = "small JSON calls on 1 and 2 workers: CPU time per request"
NOTES = ["a load on each of both cores; proxy on core 0 with one worker, on both cores with two; "
         "for each worker 64 connections and 10,000 requests per second, due at fixed times"]
SETTING = Setting()
LOAD_CORES = ("0", "1")
CORES = {1: "0", 2: "0,1"}
# Of one worker.
CONNECTIONS = 64
RATE = 10_000


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
            share = workers / len(LOAD_CORES)
            outcome = rig.measure_run(proxy, "calls", clients=int(CONNECTIONS * share),
                                      rate=int(RATE * share), spin=0,
                                      milliseconds=int(self.seconds * 1000))
            plural = "s" if workers > 1 else ""
            rows |= rig.cost(outcome, outcome["count"], f"request, {workers} worker{plural}")
        if not rig.counts:
            one, two = rows.values()
            rows["2 workers to 1"] = two / one
        return rows


def cells(arguments):
    return [Scale(arguments.seconds)]
