"""Limits of size, and the beginning of docstrings.

Migrations are exempt from the limits of size, because each is one list of statements, and so are the stories of
`tests/scenarios`.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tests.architecture.source import ROOT, relative, text_of

LINES_OF_A_FILE, LINES_OF_A_FUNCTION = 300, 40

SIZED = [
    path
    for folder in ("api", "worker", "shared", "cli", "tests", "bench")
    for path in sorted((ROOT / folder).rglob("*.py"))
    if not path.is_relative_to(ROOT / "tests" / "scenarios")
]

DOCUMENTED = sorted({*SIZED, *(ROOT / "migrations").rglob("*.py"), *(ROOT / "tests" / "scenarios").rglob("*.py")})

LONGER = {
    "tests/test_privacy.py test_names_and_addresses_are_stored_only_in_the_directory": "one story through all nouns",
}
"""The files and functions that may be longer, each with the reason."""

RIDDLE = re.compile(r"(Answers|What|Who|Whoever|Whether)\b")
"""The beginning of a docstring that leaves the reader to find the noun. Name it: "Returns the ...", "True if ..."."""


def too_long(name: str, source: str) -> Iterator[str]:
    """The file, if it is longer than the limit, and each of its functions that is."""
    if source.count("\n") > LINES_OF_A_FILE:
        yield name
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno is not None
            if node.end_lineno - node.lineno + 1 > LINES_OF_A_FUNCTION:
                yield f"{name} {node.name}"


def riddles(source: str) -> list[str]:
    """The docstrings that begin with one of the words of `RIDDLE`."""
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    texts = (ast.get_docstring(node) or "" for node in ast.walk(ast.parse(source)) if isinstance(node, documented))
    return [text for text in texts if RIDDLE.match(text)]


def test_files_have_at_most_300_lines_and_functions_at_most_40() -> None:
    found = {one for path in SIZED for one in too_long(relative(path), text_of(path))}
    assert found == LONGER.keys()


def test_a_long_file_and_a_long_function_are_found() -> None:
    function = "def long():\n" + 40 * "    print()\n"
    just_right = "async def right():\n" + 39 * "    print()\n"
    assert list(too_long("made_up.py", function + just_right)) == ["made_up.py long"]
    assert list(too_long("made_up.py", function + 260 * "\n")) == ["made_up.py", "made_up.py long"]
    assert list(too_long("made_up.py", just_right + 260 * "\n")) == []


def test_a_docstring_names_its_noun() -> None:
    found = {relative(path): begun for path in DOCUMENTED if (begun := riddles(text_of(path)))}
    assert found == {}


def test_a_docstring_that_begins_with_a_riddle_is_found() -> None:
    made_up = '''"""What is for everybody."""
class Entry:
    """Whoever is expected."""
    async def present(self):
        """Whether the party was there."""
    def count(self):
        """Answers how many."""
    def actor(self):
        """Who did it."""
    def answer(self):
        """The answer. What it says is in the module."""
'''
    assert [text.split()[0] for text in riddles(made_up)] == ["What", "Whoever", "Whether", "Answers", "Who"]


def test_the_checks_read_the_whole_repository() -> None:
    read = {relative(path) for path in DOCUMENTED}
    assert {"api/app.py", "migrations/env.py", "tests/conftest.py", relative(Path(__file__))} <= read
