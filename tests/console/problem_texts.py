"""The sentences of problems, collected from the program: titles, details and faults, which pages translate.

They are not marked in the program, because the API answers in English. A value in a sentence becomes `%(value1)s`.
"""

import ast
import re
from collections.abc import Iterator

from tests.architecture.source import ROOT, calls, name_of

ROOMS = ("shared", "api")
OTHERWISE_MADE = {"NotFound", "OutOfScope"}
"""Problems whose argument is a noun."""


def problem_texts() -> set[str]:
    """Return the titles and details of problems, the details of faults, and what validators of requests say."""
    trees = {path: ast.parse(path.read_text()) for room in ROOMS for path in (ROOT / room).rglob("*.py")}
    classes = [node for tree in trees.values() for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    names = _problems(classes)
    found = {text for one in classes if one.name in names for text in _of_class(one)}
    for path, tree in trees.items():
        validates = (
            {"ValueError", "About"} if path.name == "wire.py" or path.name.endswith("schemas.py") else set[str]()
        )
        for call in calls(tree):
            found.update(_of_call(call, names | validates))
    return found


def _problems(classes: list[ast.ClassDef]) -> set[str]:
    """The names of the classes of problems."""
    names, former = {"Problem"}, 0
    while len(names) > former:
        former = len(names)
        names |= {one.name for one in classes if names & {ast.unparse(base).split(".")[-1] for base in one.bases}}
    return names


def _of_class(declared: ast.ClassDef) -> Iterator[str]:
    for statement in declared.body:
        if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]).strip("()").endswith("title"):
            value = statement.value
            yield from _text(value.elts[-1] if isinstance(value, ast.Tuple) else value)
    for call in calls(declared):
        if ast.unparse(call.func) == "super().__init__":
            yield from _text(*call.args[:1])


def _of_call(call: ast.Call, problems: set[str]) -> Iterator[str]:
    name = name_of(call.func)
    if name == "Fault":
        yield from _text(*call.args[1:2])
    elif name in problems - OTHERWISE_MADE:
        yield from _text(*call.args[:1])


def _text(*values: ast.expr) -> Iterator[str]:
    """The text of a literal, with a name for each value in it."""
    for value in values:
        if isinstance(value, ast.Constant) and isinstance(value.value, str):
            yield value.value
        elif isinstance(value, ast.JoinedStr):
            parts = [
                str(one.value).replace("%", "%%") if isinstance(one, ast.Constant) else None for one in value.values
            ]
            numbers = iter(range(1, len(parts) + 1))
            yield "".join(f"%(value{next(numbers)})s" if part is None else part for part in parts)


OF_FILES = (
    "shared/sheets/*.py",
    "shared/licences/records/*.py",
    "shared/directory/*.py",
    "shared/services/checking.py",
)
"""The modules that read files, each of whose sentences may stand beside a row or above the rows."""


def file_texts() -> set[str]:
    """Return the sentences about rows of files: what ends with a full stop and is no docstring."""
    found = set[str]()
    for path in (path for pattern in OF_FILES for path in ROOT.glob(pattern)):
        tree = ast.parse(path.read_text())
        passed = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        inside = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant | ast.JoinedStr) and id(node) not in passed | inside:
                found.update(_begun(text) for text in _text(node) if _SENTENCE.search(text))
    return found


def _begun(text: str) -> str:
    """The sentence without the column before it, as `Words.fault` looks it up."""
    text = text.removeprefix("%(value1)s: ").replace("{}", "%(value1)s")
    return text[0].upper() + text[1:]


_SENTENCE = re.compile(r"[^.\s] [^.].*[^.]\.$")
