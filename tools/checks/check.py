#!/usr/bin/env python3
"""The rules of the tree that a compiler does not know: ranks, sizes, heads, names, words.

    check.py [ROOT]        one line per finding, exit code 1 if there is any
    check.py --self-test   tries every rule on good and bad examples first (self_test.py)
"""
import sys
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).parent))

import heads  # noqa: E402
import layers  # noqa: E402
import rules  # noqa: E402
import sizes  # noqa: E402
import words  # noqa: E402
from tree import Tree  # noqa: E402

HERE = Path(__file__).resolve().parent


def findings(tree, ranks_text):
    yield from layers.check(tree, ranks_text)
    yield from sizes.check(tree)
    yield from heads.check(tree)
    yield from words.check(tree)
    yield from rules.check(tree)


def main(arguments):
    if arguments == ["--self-test"]:
        import self_test

        return self_test.run()
    tree = Tree(arguments[0] if arguments else HERE.parent.parent)
    found = list(findings(tree, (HERE / "ranks.txt").read_text(encoding="utf-8")))
    for finding in found:
        print(finding)
    print(f"check: {len(tree.sources())} source files, {len(found)} findings")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
