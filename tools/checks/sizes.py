"""Sizes (STYLE, "Sizes"): function, file, and line.

Function bodies are found in C++ and in Python. C++ is read as a sequence of braces: a brace that
opens outside of every function and whose header has a parameter list opens a function; what is
inside, lambdas too, belongs to it. This is exact for the style of this tree, not for all of C++.
"""
import ast
import re

from tree import Finding, bare_cpp

FUNCTION_LINES_MAX = 70
FILE_LINES_MAX = 600
LINE_COLUMNS_MAX = 100

_NOT_FUNCTIONS = re.compile(r"^(?:export\s+)?(?:namespace|extern|enum|class|struct|union)\b")
_OPEN_INITIALIZERS = re.compile(r"\)[^():]*(?<!:):(?!:)")
_ENDS_WITH_NAME = re.compile(r"[\w>]$")
_QUALIFIERS = ("const", "noexcept", "override", "final", "mutable", "try", "else", "do")


def _is_brace_initializer(header):
    """In `A::A() : a_{1}, b_(2) {` the first brace belongs to a member, not to the body."""
    return (
        _OPEN_INITIALIZERS.search(header) is not None
        and _ENDS_WITH_NAME.search(header) is not None
        and header.split()[-1] not in _QUALIFIERS
    )


def _opens_function(header):
    without_template = re.sub(r"^template\s*<[^{;]*?>\s*(?=[\w\[:~])", "", header)
    if _NOT_FUNCTIONS.match(without_template) and ")" not in without_template.split(":")[0]:
        return False
    return "(" in header and not header.endswith(("=", ",", "(", "return"))


def cpp_functions(text):
    """(first line, number of lines) of each function body."""
    text = re.sub(r"^[ \t]*#(?:[^\n\\]|\\\n|\\.)*", "", bare_cpp(text), flags=re.MULTILINE)
    scopes = []  # one of "function", "initializer", "other" for each open brace
    header = ""
    line = first_line = 1
    for char in text:
        if char == "\n":
            line += 1
        if "function" in scopes:
            if char == "{":
                scopes.append("inner")
            elif char == "}" and scopes.pop() == "function":
                yield first_line, line - first_line + 1
                header = ""
        elif char == "{":
            kind = "other"
            if scopes[-1:] == ["initializer"] or _is_brace_initializer(header.strip()):
                kind = "initializer"
            elif _opens_function(header.strip()):
                kind, first_line = "function", line
            scopes.append(kind)
            header = header if kind == "initializer" else ""
        elif char == "}":
            if not scopes or scopes.pop() != "initializer":
                header = ""
            else:
                header += "}"
        elif char == ";" and scopes[-1:] != ["initializer"]:
            header = ""
        else:
            header += char


def python_functions(text):
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node.lineno, node.end_lineno - node.lineno + 1


def _functions(path, text):
    if path.endswith(".py"):
        return python_functions(text)
    return cpp_functions(text) if path.endswith((".h", ".cpp")) else ()


def check(tree):
    for path in tree.sources():
        text = tree.text(path)
        lines = text.splitlines()
        if len(lines) > FILE_LINES_MAX:
            yield Finding(path, 1, f"{len(lines)} lines; a file has at most {FILE_LINES_MAX}")
        for number, line in enumerate(lines, 1):
            if len(line) > LINE_COLUMNS_MAX:
                yield Finding(path, number, f"{len(line)} columns; at most {LINE_COLUMNS_MAX}")
        for number, length in _functions(path, text):
            if length > FUNCTION_LINES_MAX:
                what = f"a function of {length} lines; at most {FUNCTION_LINES_MAX}"
                yield Finding(path, number, what)
