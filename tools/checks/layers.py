"""Include ranks: a file includes only from its own room and from lower ones (STYLE, "Rooms").

The truth is ranks.txt beside this file. Quoted includes count; they are written from the root of
the tree or relative to the including file. Angle brackets are the world outside.
"""
import os
import posixpath
import re

from tree import Finding

_INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*"([^"]+)"', re.MULTILINE)
_PARTS_WITHOUT_RANKS = ("bench", "tests")


class Ranks:
    """room -> (part, rank), and part -> what else it sees."""

    def __init__(self, text):
        self.rooms = {}
        self.sees = {}
        part = None
        for line in text.splitlines():
            line = line.split("#")[0].strip()
            header = re.fullmatch(r"\[(\w+)\](?:\s+sees\s+(.+))?", line)
            if header:
                part = header.group(1)
                self.sees[part] = (header.group(2) or "").split()
            elif line:
                rank = len(self.rooms)
                for room in line.split():
                    self.rooms[room] = (part, rank)

    def allows(self, room, included):
        part, rank = self.rooms[room]
        other_part, other_rank = self.rooms[included]
        if part == other_part:
            return room == included or other_rank < rank
        return included in self.sees[part] or other_part in self.sees[part]


def room_of(path):
    return posixpath.dirname(path)


def target_of(tree, path, included):
    """The path from the root that an include means, or None if there is no such file."""
    for candidate in (included, posixpath.join(posixpath.dirname(path), included)):
        candidate = posixpath.normpath(candidate)
        if os.path.isfile(tree.root / candidate):
            return candidate
    return None


def check(tree, ranks_text):
    ranks = Ranks(ranks_text)
    for path in tree.cpp():
        if path.split("/")[0] in _PARTS_WITHOUT_RANKS:
            continue
        room = room_of(path)
        if room not in ranks.rooms:
            yield Finding(path, 1, f"room '{room}' is not in tools/checks/ranks.txt")
            continue
        text = tree.text(path)
        for match in _INCLUDE.finditer(text):
            line = text.count("\n", 0, match.start()) + 1
            target = target_of(tree, path, match.group(1))
            if target is None:
                yield Finding(path, line, f"\"{match.group(1)}\" is no file of the tree; use <>")
            elif room_of(target) not in ranks.rooms:
                yield Finding(path, line, f"'{target}' is in a room without a rank")
            elif not ranks.allows(room, room_of(target)):
                yield Finding(path, line, f"'{room}' must not include from '{room_of(target)}'")
