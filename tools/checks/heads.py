"""File heads and names (STYLE, "Comments say why" and "Words").

Every source file opens with a comment that says what it is for. A header carries the whole story;
the .cpp and the tests beside it may then do with one line. File names avoid words that name
nothing.
"""
import re

from tree import Finding

HEAD_LINES_MIN = 2
HEAD_LINES_MIN_BESIDE_HEADER = 1
HEAD_LINES_MAX = 15
_BANNED = re.compile(
    r"(?:^|[_\-.])(manager|helpers?|utils?|utilities|impl|misc|stuff|common2|data2|new|old|temp)"
    r"(?:[_\-.]|$)"
)


def head_lines(path, text):
    """The number of comment lines that the file opens with."""
    lines = text.splitlines()
    if lines and lines[0].startswith("#!"):
        lines = lines[1:]
    if path.endswith(".py") and lines and lines[0].startswith('"""'):
        return text[: text.find('"""', text.find('"""') + 3)].count("\n") + 1
    mark = "//" if path.endswith((".h", ".cpp", ".mjs")) else "#"
    count = 0
    for line in lines:
        if not line.startswith(mark):
            break
        count += 1
    return count


def lines_min(tree, path):
    stem = re.sub(r"(?:_(?:test|fuzz))?\.cpp$", "", path)
    beside_header = path.endswith(".cpp") and (tree.root / (stem + ".h")).is_file()
    return HEAD_LINES_MIN_BESIDE_HEADER if beside_header else HEAD_LINES_MIN


def check(tree):
    for path in tree.sources():
        count = head_lines(path, tree.text(path))
        if count < lines_min(tree, path):
            yield Finding(path, 1, "opens without a comment that says what the file is for")
        elif count > HEAD_LINES_MAX:
            yield Finding(path, 1, f"opens with {count} lines of comment; at most {HEAD_LINES_MAX}")
    for path in tree.paths():
        word = _BANNED.search(path.split("/")[-1])
        if word:
            yield Finding(path, 1, f"'{word.group(1)}' in a file name says nothing")
