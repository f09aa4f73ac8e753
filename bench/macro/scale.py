"""One and two workers: CPU time of the proxy per request.

With one worker the proxy has core 0; with two it has both cores, 64 connections for each worker.
The load may use both cores and sleeps when there is nothing to do. On a machine of two cores it
then shares them with the workers, which costs every proxy something; what counts is how much more
each needs with two workers than with one.
"""
import copy

from proxies import Setting
from rig import Cell

ABOUT = "small JSON calls on 1 and 2 workers: CPU time per request"
NOTES = ["64 connections for each worker; proxy on core 0 with one worker, on both cores with two; "
         "the load on both cores"]
SETTING = Setting()
LOAD_CORES = "0,1"
CORES = {1: "0", 2: "0,1"}
CONNECTIONS_PER_WORKER = 64


def add_arguments(_):
    pass


class Scale(Cell):
    def __init__(self, seconds):
        self.seconds = seconds

    def measure(self, rig, proxy):
        cost = {}
        for workers, cores in CORES.items():
            proxy.setting = copy.copy(SETTING)
            proxy.setting.workers, proxy.setting.cores = workers, cores
            proxy.restart()
            outcome = rig.measure_run(proxy, "calls", clients=CONNECTIONS_PER_WORKER * workers,
                                      spin=0, milliseconds=int(self.seconds * 1000))
            cost[workers] = outcome["cpu"] * 1e6 / outcome["count"]
        return {"CPU time per request, 1 worker, µs": cost[1],
                "CPU time per request, 2 workers, µs": cost[2],
                "2 workers to 1": cost[2] / cost[1]}


def cells(arguments):
    return [Scale(arguments.seconds)]
