"""One interleaved run of a benchmark: the load, the proxies, rounds and samples.

The proxies run on core 0, the load on core 1 (a benchmark may say otherwise). In each round every
cell is measured on every proxy, one directly after the other and each round beginning with another
one, so that a change of the machine's speed meets all of them alike.
"""
import os
import shutil
import statistics
import sys
import tempfile

import proxies
from counters import Counters
from load import Load


class Rig:
    def __init__(self, setting, names, load_cores=("1",), counts=False):
        self.counts = counts
        self.folder = tempfile.mkdtemp(prefix="mcpgw-bench-")
        # The peers' workers may run as another user and keep temporary files here.
        os.chmod(self.folder, 0o755)
        self.proxies, self.loads = [], []
        try:
            program = os.path.join(proxies.BUILD, "bench", "bench-load")
            for cores in load_cores:
                port = self.loads[0].port if self.loads else 0
                self.loads.append(Load(program, cores, port))
            self.load = self.loads[0]
            self.direct = Direct(self.load.port)
            for name in names:
                self.proxies.append(proxies.Proxy(name, setting, self.folder, self.load.port))
        except BaseException:
            self.__exit__()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for proxy in self.proxies:
            proxy.stop()
        for load in self.loads:
            load.end()
        shutil.rmtree(self.folder, ignore_errors=True)

    def measure_run(self, proxy, verb, **words):
        """The outcome of one run of the load, with `cpu`: seconds of CPU time of the proxy, and
        with `counted` when the rig counts. Several loads run at once, and their counts add up;
        latencies are those of the first."""
        for load in self.loads:
            load.prepare(verb, proxy, **words)
        counters = Counters(proxy.pids) if self.counts and proxy.pids else None
        before = proxy.cpu_seconds()
        for load in self.loads:
            load.go()
        outcomes = [load.outcome() for load in self.loads]
        used = proxy.cpu_seconds() - before
        outcome = {**outcomes[0], "count": sum(one["count"] for one in outcomes), "cpu": used}
        if counters:
            outcome["counted"] = counters.end()
        for load in self.loads:
            load.close()
        return outcome

    @staticmethod
    def cost(outcome, units, of):
        """The rows of one run: what each unit has cost, e.g. of "request, 64 connections"."""
        if "counted" in outcome:
            return {f"{what} per {of}": number / units
                    for what, number in outcome["counted"].items()}
        return {f"CPU time per {of}, µs": outcome["cpu"] * 1e6 / units}


class Direct:
    """The server itself, asked without a proxy between."""

    name, path, pids, token = "direct", "/mcp", (), None

    def __init__(self, port):
        self.port = port

    @staticmethod
    def cpu_seconds():
        return 0


class Samples:
    """Row title -> proxy -> one value per round; rows keep the order in which they came."""

    def __init__(self):
        self.rows = {}

    def add(self, row, name, value):
        self.rows.setdefault(row, {}).setdefault(name, []).append(value)

    def median(self, row, name):
        return statistics.median(self.rows[row][name])

    def better_peer(self, row):
        present = [name for name in proxies.PEERS if name in self.rows[row]]
        return min(present, key=lambda name: self.median(row, name)) if present else None

    def ratio(self, row, name, other):
        """The median of the ratios of the rounds: both values of one are neighbours in time."""
        if other is None or name not in self.rows[row] or other not in self.rows[row]:
            return None
        pairs = list(zip(self.rows[row][name], self.rows[row][other]))
        # What is added to a direct answer can drown in noise; then there is no ratio to speak of.
        ratios = [mine / theirs for mine, theirs in pairs if mine > 0 and theirs > 0]
        return statistics.median(ratios) if 2 * len(ratios) > len(pairs) else None

    def spread(self):
        """The widest half distance between extremes, in per cent of the median."""
        widest = 0
        for row, by_name in self.rows.items():
            for name, values in by_name.items():
                middle = self.median(row, name)
                if middle > 0:
                    widest = max(widest, 50 * (max(values) - min(values)) / middle)
        return widest


def run_rounds(rig, cells, rounds, samples):
    for number in range(rounds):
        print(f"round {number + 1} of {rounds}", file=sys.stderr)
        first = number % len(rig.proxies)
        for cell in cells:
            cell.begin_round(rig)
            for proxy in rig.proxies[first:] + rig.proxies[:first]:
                for row, value in cell.measure(rig, proxy).items():
                    samples.add(row, proxy.name, value)
                    print(f"  {row}: {proxy.name} {value:.5g}", file=sys.stderr)


class Cell:
    """One load that all proxies get; measure gives a value for each row of the table."""

    def begin_round(self, rig):
        pass

    def measure(self, rig, proxy):
        raise NotImplementedError
