#!/usr/bin/env python3
"""`./dev sim --mutations`: every broken rule of list.txt must be found by the simulator.

For each one: the file with the replacement is compiled as the release build compiles it (together
with others), linked before the libraries, and run over the same seeds until one breaks an
invariant. The sources stay as they are. A replacement whose text is not there exactly once is an
error of the list.

    run.py BUILD_FOLDER [SEEDS]
"""
import concurrent.futures
import json
import os
import re
import shlex
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[3]
_SEEDS = 200
_RUN_SECONDS_MAX = 240


@dataclass
class Mutation:
    rule: str
    path: str
    before: str
    after: str


def read_list():
    text = (_ROOT / "tests/sim/mutations/list.txt").read_text()
    for part in re.split(r"^== ", text, flags=re.MULTILINE)[1:]:
        head, rest = part.split("\n--\n", 1)
        before, after = rest.rstrip("\n").split("\n++", 1)
        rule, path = head.split("\n")
        yield Mutation(rule, path, before, after.removeprefix("\n"))


def mutated(mutation):
    text = (_ROOT / mutation.path).read_text()
    count = text.count(mutation.before)
    if count != 1:
        raise SystemExit(f"{mutation.path}: the text of '{mutation.rule}' is there {count} times")
    return text.replace(mutation.before, mutation.after)


class Build:
    """The commands of a CMake build, changed so that they make a mutant."""

    def __init__(self, folder):
        self.folder = folder
        entries = json.loads((folder / "compile_commands.json").read_text())
        self.compile = {entry["file"]: entry["command"] for entry in entries}
        self.together = {}  # source -> the file that CMake has made to include it and others
        for file in self.compile:
            if "/Unity/" in file:
                for source in re.findall(r'^#include "(.*)"$', Path(file).read_text(), re.M):
                    self.together[source] = file
        commands = subprocess.run(
            ["ninja", "-C", str(folder), "-t", "commands", "simulate"],
            check=True, capture_output=True, text=True).stdout
        link = commands.strip().split("\n")[-1]
        self.link = link.removeprefix(": && ").removesuffix(" && :")

    def object_of(self, mutation, source, target):
        original = str(_ROOT / mutation.path)
        compiled = self.together.get(original, original)
        if compiled != original:
            text = Path(compiled).read_text().replace(f'"{original}"', f'"{source}"')
            source = target.with_suffix(".cxx")
            source.write_text(text)
        words = shlex.split(self.compile[compiled])
        words[words.index("-c") + 1] = str(source)
        words[words.index("-o") + 1] = str(target)
        words = [word for word in words if word not in ("-O2", "-g1", "-Werror")]
        subprocess.run([*words, "-O1", "-w"], check=True, cwd=self.folder)

    def program(self, mutant, target):
        words = shlex.split(self.link)
        words[words.index("-o") + 1] = str(target)
        words.insert(words.index("-o"), str(mutant))
        subprocess.run(words, check=True, cwd=self.folder)


def try_mutation(build, number, mutation, seeds):
    """(what was found, or None if nothing was; seconds)"""
    start = time.monotonic()
    folder = build.folder / "mutations" / str(number)
    folder.mkdir(parents=True, exist_ok=True)
    source = folder / os.path.basename(mutation.path)
    source.write_text(mutated(mutation))
    build.object_of(mutation, source, folder / "mutant.o")
    build.program(folder / "mutant.o", folder / "simulate")
    run = subprocess.run(
        [folder / "simulate", "--seed", "1", "--runs", str(seeds), "--quiet"],
        capture_output=True, text=True, errors="replace", timeout=_RUN_SECONDS_MAX)
    found = re.search(r"^seed \d+ breaks: .*$", run.stderr, re.MULTILINE)
    return (found.group(0) if run.returncode == 1 and found else None), time.monotonic() - start


def main():
    folder = Path(sys.argv[1]).resolve()
    seeds = int(sys.argv[2]) if len(sys.argv) > 2 else _SEEDS
    mutations = list(read_list())
    for mutation in mutations:
        mutated(mutation)
    build = Build(folder)
    missed = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        trials = [pool.submit(try_mutation, build, number, mutation, seeds)
                  for number, mutation in enumerate(mutations)]
        for mutation, trial in zip(mutations, trials):
            found, seconds = trial.result()
            missed += found is None
            verdict = found or f"NOT FOUND within {seeds} seeds"
            print(f"{mutation.rule}\n    {mutation.path}: {verdict} ({seconds:.1f} s)", flush=True)
    print(f"{len(mutations) - missed} of {len(mutations)} broken rules found")
    return 1 if missed else 0


sys.exit(main())
