"""./dev bench: chooses the benchmark, runs it and reports it; see bench/README.md.

Progress goes to standard error, the report to standard output. bench/RESULTS.md is written by
complete runs only: all proxies, all sizes, at least five rounds.
"""
import argparse
import importlib
import os
import shlex
import sys

import proxies
import report
import rig

BENCHMARKS = ("forward", "sse", "bulk", "idle", "latency", "churn", "scale", "sessions",
              "change")
ROUNDS_MIN = 5
QUICK_ROUNDS, QUICK_SECONDS = 2, 1.0


def parser_for(name, module):
    parser = argparse.ArgumentParser(prog=f"./dev bench {name}", description=module.__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, help=f"interleaved rounds (default {ROUNDS_MIN})")
    parser.add_argument("--seconds", type=float, help="seconds of one load (default 3)")
    parser.add_argument("--quick", action="store_true",
                        help=f"{QUICK_ROUNDS} rounds of {QUICK_SECONDS:.0f} second")
    parser.add_argument("--only", help="some of " + ",".join(proxies.NAMES))
    parser.add_argument("--beside", metavar="BUILD",
                        help="also the gateway of another build folder, as one more column")
    parser.add_argument("--gateway-flags", default="", metavar="FLAGS",
                        help="more flags for `mcp-gateway up`, as one word")
    parser.add_argument("--count", action="store_true",
                        help="count system calls and switches with perf instead of taking times")
    parser.add_argument("--realtime", action="store_true",
                        help="run before everything else: for a look at a busy machine")
    module.add_arguments(parser)
    return parser


def is_complete(arguments, words):
    """Whether the run is worth keeping: nothing left out, enough rounds."""
    allowed = ("--rounds", "--seconds")
    return (arguments.rounds >= ROUNDS_MIN
            and all(word.startswith(allowed) for word in words if word.startswith("--")))


def names_of(arguments, columns):
    there = (*proxies.NAMES, *columns)
    names = arguments.only.split(",") if arguments.only else there
    unknown = [one for one in names if one not in there]
    if unknown:
        sys.exit(f"./dev bench: no proxy '{unknown[0]}'; there are {', '.join(there)}")
    return [one for one in there if one in names] + [proxies.BESIDE] * bool(arguments.beside)


def run(name, words):
    module = importlib.import_module(name)
    if hasattr(module, "main"):  # without proxies, and with a table of its own
        module.main(words)
        return
    arguments = parser_for(name, module).parse_args(words)
    arguments.rounds = arguments.rounds or (QUICK_ROUNDS if arguments.quick else ROUNDS_MIN)
    arguments.seconds = arguments.seconds or (QUICK_SECONDS if arguments.quick else 3.0)
    names = names_of(arguments, getattr(module, "COLUMNS", ()))
    module.SETTING.beside = arguments.beside
    module.SETTING.gateway_flags = shlex.split(arguments.gateway_flags)
    proxies.REALTIME = arguments.realtime
    samples = rig.Samples()
    notes = [*module.NOTES, f"load average before the run: {os.getloadavg()[0]:.1f}"]
    print(f"{name}: {module.ABOUT}", file=sys.stderr)
    load_cores = getattr(module, "LOAD_CORES", ("1",))
    with rig.Rig(module.SETTING, names, load_cores, arguments.count) as bench:
        rig.run_rounds(bench, module.cells(arguments), arguments.rounds, samples)
        if hasattr(module, "notes_after"):
            notes += module.notes_after(bench)
    command = shlex.join(["./dev", "bench", name, *words])
    notes += report.compared(samples, proxies.SIGNED_IN, proxies.GATEWAY)
    lines = report.section(command, notes, samples, names, arguments.rounds)
    print("\n".join(lines))
    if is_complete(arguments, words):
        report.write_results(name, lines)
    else:
        print("bench/RESULTS.md is left as it is: this was not a complete run")


def usage():
    print("usage: ./dev bench [NAME|all] [--rounds N] [--seconds N] [--quick] [--only PROXY,...]")
    print("       ./dev bench NAME --help lists what one benchmark can be told\n")
    for name in BENCHMARKS:
        print(f"  {name:8} {importlib.import_module(name).ABOUT}")


def main():
    name, words = (sys.argv[1], sys.argv[2:]) if len(sys.argv) > 1 else ("all", [])
    if name in ("-h", "--help", "help"):
        usage()
    elif name == "all" or name.startswith("-"):
        words = words if name == "all" else sys.argv[1:]
        for one in BENCHMARKS:
            run(one, words)
    elif name in BENCHMARKS:
        run(name, words)
    else:
        print(f"./dev bench: no benchmark '{name}'", file=sys.stderr)
        usage()
        sys.exit(2)


if __name__ == "__main__":
    main()
