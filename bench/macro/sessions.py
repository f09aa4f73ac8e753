"""Single operations of the session table and of sealed ids, without a gateway around them.

The rows are CPU time of one operation, and how many of them one core does in a second. Sessions are
chosen at random, among a thousand (everything is in the near caches) or a million. `find` is what a
processor does that has many lookups to do, and overlaps them; `find one after the other` is the
time from a lookup to its result. `request` is all that a request of a session pays for its session:
open the sealed id, find the session, begin and end a request of it; `remembered` when the worker
has opened this id lately, else `cold`.
"""
import argparse
import json
import os
import platform
import shlex
import statistics
import subprocess

import proxies
import report

ABOUT = "the session table and sealed ids: CPU time per operation"
ROUNDS, ROUNDS_QUICK = 7, 1
SECONDS, SECONDS_QUICK = 0.5, 0.1


def parser():
    result = argparse.ArgumentParser(prog="./dev bench sessions", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    result.add_argument("--rounds", type=int, help=f"interleaved rounds (default {ROUNDS})")
    result.add_argument("--seconds", type=float,
                        help=f"seconds of one operation in a round (default {SECONDS})")
    result.add_argument("--quick", action="store_true", help="a short look")
    result.add_argument("--filter", default="", help="operations whose names match this only")
    result.add_argument("--realtime", action="store_true", help="run before everything else")
    return result


def measure(arguments):
    """name -> its runs, as Google Benchmark reports them, in the order of the program."""
    def place(run):
        return run["family_index"], run["per_family_instance_index"]

    command = [os.path.join(proxies.BUILD, "bench", "bench-sessions"), "--benchmark_format=json",
               f"--benchmark_repetitions={arguments.rounds}",
               f"--benchmark_min_time={arguments.seconds}",
               "--benchmark_enable_random_interleaving=true",
               f"--benchmark_filter={arguments.filter or '.'}"]
    if arguments.realtime:
        command = ["chrt", "--fifo", "10", *command]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    runs = {}
    for run in sorted(json.loads(done.stdout)["benchmarks"], key=place):
        if run.get("run_type") == "iteration":
            runs.setdefault(run["run_name"], []).append(run)
    return runs


def row(name, runs):
    """One line of the table; the name is `operation/sessions[/threads:n]`."""
    operation, *rest = name.split("/")
    sessions = next((f"{int(part):,}" for part in rest if part.isdigit()), "–")
    threads = next((part.split(":")[1] for part in rest if part.startswith("threads:")), "1")
    rates = [run["items_per_second"] for run in runs]
    rate = statistics.median(rates)
    spread = (max(rates) - min(rates)) / 2 / rate * 100
    return (f"| {operation.replace('_', ' ')} | {sessions} | {threads} "
            f"| {report.number(1e9 / rate)} | {report.number(rate / 1e6)} "
            f"| ± {spread:.0f} % |")


def main(words):
    arguments = parser().parse_args(words)
    is_complete = not (arguments.quick or arguments.filter) and (arguments.rounds or ROUNDS) >= 5
    arguments.rounds = arguments.rounds or (ROUNDS_QUICK if arguments.quick else ROUNDS)
    arguments.seconds = arguments.seconds or (SECONDS_QUICK if arguments.quick else SECONDS)
    load = os.getloadavg()[0]
    runs = measure(arguments)
    lines = [
        f"Command: `{shlex.join(['./dev', 'bench', 'sessions', *words])}`", "",
        report.machine_lines()[0],
        f"- kernel: {platform.release()}, revision "
        + report.first_line("git", "-C", proxies.ROOT, "rev-parse", "--short", "HEAD"),
        f"- load average before the run: {load:.1f}",
        f"- medians of {arguments.rounds} interleaved rounds; CPU time of the thread that measures",
        "", "| operation | sessions | threads | ns | million/s and core | spread |",
        "|---|---|---|---|---|---|", *[row(name, runs[name]) for name in runs]]
    print("\n".join(lines))
    if is_complete:
        report.write_results("sessions", lines)
    else:
        print("bench/RESULTS.md is left as it is: this was not a complete run")
