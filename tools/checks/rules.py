"""The list of HTTP rules and its tests agree (docs/internals/http1-rules.md, tests/http1/).

A section `## RFC 9112 section 2.2` of the list names tests of the suite Rfc9112Section2_2, each on
a line of its own. A name without a test, and a test of such a suite without a line, are findings.
"""
import re

from tree import Finding

LIST = "docs/internals/http1-rules.md"
_SECTION = re.compile(r"^## RFC (\d+) section ([\d.]+)$")
_NAME = re.compile(r"^\s*`(\w+)`$")
_TEST = re.compile(r"^TEST\(\s*(Rfc\d+Section[\d_]+),\s*(\w+)\)", re.MULTILINE)


def _listed(tree):
    """(suite, test) -> line of the list."""
    found = {}
    suite = None
    for number, line in enumerate(tree.text(LIST).splitlines(), 1):
        if match := _SECTION.match(line):
            suite = f"Rfc{match.group(1)}Section{match.group(2).replace('.', '_')}"
        elif (match := _NAME.match(line)) and suite:
            found[(suite, match.group(1))] = number
    return found


def check(tree):
    if LIST not in tree.paths():
        return
    listed = _listed(tree)
    tested = set()
    for path in tree.cpp():
        if not path.startswith("tests/http1/"):
            continue
        text = tree.text(path)
        for match in _TEST.finditer(text):
            tested.add(match.groups())
            if match.groups() not in listed:
                line = text.count("\n", 0, match.start()) + 1
                yield Finding(path, line, f"'{match.group(2)}' is not in {LIST}")
    for (suite, name), line in listed.items():
        if (suite, name) not in tested:
            yield Finding(LIST, line, f"there is no test {suite}.{name}")
