"""Words that must not be in the tree: work left open, tests switched off, addresses of machines.

A marker of open work belongs into an issue, a switched-off test proves nothing, and the npm lock
file carries versions and checksums but no address, so that everybody's own registry is asked.
The patterns are written in pieces, so that this file does not find itself.
"""
import re

from tree import Finding

_OPEN_WORK = re.compile(r"\b(?:TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK)\b")
_SWITCHED_OFF = re.compile(
    r"GTEST_" r"SKIP|\bDIS" r"ABLED_|\b(?:it|test|describe)\.(?:sk" r"ip|to" r"do|on" r"ly)\b"
)
_ADDRESS = re.compile(r"\bhttps?:" r"//")


def _hits(path, text, pattern, what):
    for match in pattern.finditer(text):
        yield Finding(path, text.count("\n", 0, match.start()) + 1, f"'{match.group(0)}': {what}")


def check(tree):
    for path in tree.sources():
        text = tree.text(path)
        yield from _hits(path, text, _OPEN_WORK, "work left open does not go into the tree")
        yield from _hits(path, text, _SWITCHED_OFF, "a test that does not run proves nothing")
    for path in tree.paths():
        if path.endswith("package-lock.json"):
            yield from _hits(path, tree.text(path), _ADDRESS, "a lock file names no address")
