"""Tries every rule on small trees: each bad one must be found, and each good one left in peace.

A fixture is a dictionary of files; `expect` names a part of each finding, or is empty.
"""
import tempfile
from pathlib import Path

import heads
import layers
import rules
import sizes
import words
from tree import Tree

RANKS = """
[common]
common
common/protocol
[dataplane] sees common
dataplane/io
dataplane/route dataplane/auth
dataplane
[controlplane] sees common
controlplane/model
[tools] sees common controlplane/model
tools
"""

HEAD = "// What it is for.\n// Who owns it.\n"


def _body(lines):
    return "{\n" + "    step();\n" * (lines - 2) + "}\n"


def _layers(tree):
    return layers.check(tree, RANKS)


LAYER_CASES = [
    ("own room", {"dataplane/io/a.h": "", "dataplane/io/b.h": '#include "a.h"\n'}, []),
    ("down", {"common/a.h": "", "dataplane/io/b.h": '#include "common/a.h"\n'}, []),
    ("tools see the model", {"controlplane/model/a.h": "",
                             "tools/b.cpp": '#include "controlplane/model/a.h"\n'}, []),
    ("up", {"dataplane/route/a.h": "", "dataplane/io/b.h": '#include "dataplane/route/a.h"\n'},
     ["'dataplane/io' must not include from 'dataplane/route'"]),
    ("beside", {"dataplane/auth/a.h": "",
                "dataplane/route/b.h": '#include "dataplane/auth/a.h"\n'}, ["must not include"]),
    ("the other plane", {"dataplane/io/a.h": "",
                         "controlplane/model/b.h": '#include "dataplane/io/a.h"\n'},
     ["must not include"]),
    ("common looks up", {"dataplane/io/a.h": "", "common/b.h": '#include "dataplane/io/a.h"\n'},
     ["must not include"]),
    ("no such file", {"common/b.h": '#include "gone.h"\n'}, ["no file of the tree"]),
    ("unknown room", {"dataplane/attic/b.h": ""}, ["not in tools/checks/ranks.txt"]),
]

SIZE_CASES = [
    ("seventy lines", {"a.cpp": HEAD + "void f() " + _body(70)}, []),
    ("one more", {"a.cpp": HEAD + "void f() " + _body(71)}, ["a function of 71 lines"]),
    ("in a class", {"a.h": "class A {\n  int f() const " + _body(71) + "};\n"}, ["71 lines"]),
    ("a long class", {"a.h": "struct A {\n" + "    int a(int b);\n" * 90 + "};\n"}, []),
    ("constructor", {"a.cpp": "A::A(int a) : a_{a}, b_(a) " + _body(71)}, ["71 lines"]),
    ("template", {"a.h": "template <typename T>\nauto f(T t) -> int " + _body(72)}, ["72 lines"]),
    ("braces in text", {"a.cpp": 'void f() { g("{{{"); }\nvoid h() ' + _body(70)}, []),
    ("digit separator", {"a.cpp": "int a = 1'000;\nvoid f() " + _body(71)}, ["71 lines"]),
    ("table", {"a.cpp": "const int table[] = {\n" + "    f(1),\n" * 90 + "};\n"}, []),
    ("python", {"a.py": "def f():\n" + "    pass\n" * 70}, ["71 lines"]),
    ("long file", {"a.sh": "# a\n" * 601}, ["601 lines"]),
    ("long line", {"a.sh": "# " + "x" * 99 + "\n"}, ["101 columns"]),
]

HEAD_CASES = [
    ("head", {"a.h": HEAD, "b.py": '"""What.\n\nWhy.\n"""\n', "c.sh": "#!/bin/sh\n# a\n# b\n"}, []),
    ("none", {"a.cpp": "int a;\n"}, ["opens without"]),
    ("one line, no header", {"a.cpp": "// a\n"}, ["opens without"]),
    ("one line beside a header", {"a.h": HEAD, "a.cpp": "// a\n", "a_test.cpp": "// a\n"}, []),
    ("none after the first line", {"run": "#!/bin/sh\necho\n"}, ["opens without"]),
    ("a book", {"a.h": "// a\n" * 16}, ["16 lines of comment"]),
    ("empty name", {"string_utils.h": HEAD}, ["'utils' in a file name"]),
    ("a word inside a word", {"renewal.h": HEAD, "implicit.h": HEAD}, []),
]

WORD_CASES = [
    ("open work", {"a.cpp": "// TO" "DO: later\n"}, ["work left open"]),
    ("switched off", {"a.mjs": "test.sk" "ip('x')\n", "b.cpp": "TEST(A, DIS" "ABLED_b)\n"},
     ["does not run", "does not run"]),
    ("address", {"package-lock.json": '{"resolved": "http' 's://x"}\n'}, ["names no address"]),
    ("peace", {"a.cpp": "int todo_list;\n", "package-lock.json": "{}\n"}, []),
]

RULE_LIST = "## RFC 9112 section 2.2\n\n* a rule.\n  `holds`\n"
RULE_CASES = [
    ("no list", {"tests/http1/a_test.cpp": "TEST(Rfc9112Section2_2, holds) {\n"}, []),
    ("agree", {rules.LIST: RULE_LIST,
               "tests/http1/a_test.cpp": "TEST(Rfc9112Section2_2,\n     holds) {\n"}, []),
    ("no test", {rules.LIST: RULE_LIST,
                 "tests/http1/a_test.cpp": "TEST(Rfc9112Section2_3, holds) {\n"},
     ["'holds' is not in", "there is no test Rfc9112Section2_2.holds"]),
]

SUITES = [
    ("layers", _layers, LAYER_CASES),
    ("sizes", sizes.check, SIZE_CASES),
    ("heads", heads.check, HEAD_CASES),
    ("words", words.check, WORD_CASES),
    ("rules", rules.check, RULE_CASES),
]


def _holds(found, expect):
    return len(found) == len(expect) and all(
        part in str(finding) for finding, part in zip(found, expect)
    )


def run():
    tried = wrong = 0
    for suite, rule, cases in SUITES:
        for name, files, expect in cases:
            tried += 1
            with tempfile.TemporaryDirectory() as folder:
                for path, text in files.items():
                    file = Path(folder) / path
                    file.parent.mkdir(parents=True, exist_ok=True)
                    file.write_text(text, encoding="utf-8")
                found = list(rule(Tree(folder)))
            if not _holds(found, expect):
                wrong += 1
                print(f"self-test: {suite}: {name}: expected {expect}")
                print("\n".join(f"    found {finding}" for finding in found))
    print(f"check: {tried} examples tried, {wrong} wrong")
    return 1 if wrong else 0
