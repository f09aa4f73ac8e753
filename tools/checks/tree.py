"""The tree as the checks see it: which files there are, and C++ text without comments.

A check is a function that takes a Tree and yields one Finding per broken rule; it prints nothing.
The files are found by walking, not by asking git, so a checkout, an archive and a copy of the
tree are all checked alike. Folders that a build or npm makes are left out, as in .gitignore.
"""
import os
import re
from dataclasses import dataclass
from pathlib import Path

SKIPPED_FOLDERS = {".git", "build", "node_modules", ".cache", "out", "corpus", "__pycache__"}
CPP = (".h", ".cpp")
SOURCES = CPP + (".py", ".sh", ".mjs")


@dataclass(frozen=True)
class Finding:
    path: str
    line: int
    what: str

    def __str__(self):
        return f"{self.path}:{self.line}: {self.what}"


class Tree:
    def __init__(self, root):
        self.root = Path(root)

    def paths(self):
        """Every file, relative to the root, sorted."""
        found = []
        for folder, folders, files in os.walk(self.root):
            folders[:] = sorted(f for f in folders if f not in SKIPPED_FOLDERS)
            found += [os.path.relpath(os.path.join(folder, name), self.root) for name in files]
        return sorted(found)

    def sources(self):
        """Files that people write programs in: by suffix, or by a script's first line."""
        return [path for path in self.paths() if path.endswith(SOURCES) or self._is_script(path)]

    def cpp(self):
        return [path for path in self.paths() if path.endswith(CPP)]

    def text(self, path):
        return (self.root / path).read_text(encoding="utf-8", errors="replace")

    def _is_script(self, path):
        if "." in os.path.basename(path):
            return False
        with open(self.root / path, "rb") as file:
            return file.read(2) == b"#!"


_TOKENS = re.compile(
    r'//[^\n]*|/\*.*?\*/|R"(?P<mark>[^()\\ ]{0,16})\(.*?\)(?P=mark)"'
    r'|"(?:\\.|[^"\\\n])*"|(?<![0-9a-fA-F])\'(?:\\.|[^\'\\\n])*\'',
    re.DOTALL,
)


def bare_cpp(text):
    """C++ with comments and literals blanked and every line kept in its place."""

    def blank(match):
        return re.sub(r"[^\n]", " ", match.group(0))

    return _TOKENS.sub(blank, text)
