"""Latency at fixed rates: what each proxy adds to asking the server directly.

Open loop: requests are due at fixed times, whatever happened to the ones before; the latency of a
request counts from when it was due, so a proxy that stops for a while is charged for every request
of that while (no coordinated omission). Percentiles come from a histogram with buckets of 0.8 %.
Added latency is the percentile through the proxy less the same percentile asked directly in the
same round.
"""
from proxies import Setting
from rig import Cell

ABOUT = "small JSON calls at 500, 2,000 and 5,000 per second: added p50, p99, p99.9"
NOTES = ["open loop over 16 connections; request 110 B, answer 300 B of body"]
SETTING = Setting()
RATES = (500, 2000, 5000)
CONNECTIONS = 16
QUANTILES = {"p50": "p50", "p99": "p99", "p999": "p99.9"}


def add_arguments(parser):
    parser.add_argument("--rates", help="requests per second (default 500,2000,5000)")


class Rate(Cell):
    def __init__(self, rate, seconds):
        self.rate, self.seconds = rate, seconds
        self.direct = {}

    def _ask(self, rig, whom):
        return rig.measure_run(whom, "calls", clients=CONNECTIONS, rate=self.rate,
                               milliseconds=int(self.seconds * 1000))

    def begin_round(self, rig):
        self.direct = self._ask(rig, rig.direct)

    def measure(self, rig, proxy):
        outcome = self._ask(rig, proxy)
        cost = rig.cost(outcome, outcome["count"], f"request at {self.rate:,}/s")
        if rig.counts:
            return cost
        return {**{f"{title} added at {self.rate:,}/s, µs": outcome[key] - self.direct[key]
                   for key, title in QUANTILES.items()}, **cost}


def cells(arguments):
    chosen = arguments.rates.split(",") if arguments.rates else RATES
    return [Rate(int(rate), arguments.seconds) for rate in chosen]
