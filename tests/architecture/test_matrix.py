"""Each kind of fault is also in `make test`: no file of `tests/faults` has tests of the long matrix alone."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.architecture.source import ROOT, text_of

FILES = sorted((ROOT / "tests" / "faults").glob("test_*.py"))

MATRIX = "pytest.mark.matrix"


def of_make_test(source: str) -> Iterator[str]:
    """The tests of a file that run in `make test`, at least with some of their parameters."""
    tree = ast.parse(source)
    marks = [node.value for node in tree.body if isinstance(node, ast.Assign) and "pytestmark" in ast.unparse(node)]
    if any(MATRIX in ast.unparse(mark) for mark in marks):
        return
    for node in ast.walk(tree):
        if not isinstance(node, ast.FunctionDef) or not node.name.startswith("test_"):
            continue
        if MATRIX not in map(ast.unparse, node.decorator_list):
            yield node.name


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_each_kind_of_fault_has_a_test_in_make_test(path: Path) -> None:
    assert list(of_make_test(text_of(path))), (
        "mark only what repeats the fault with more data, seeds or without its guard"
    )


def test_a_file_with_tests_of_the_matrix_alone_is_found() -> None:
    long = f"@{MATRIX}\ndef test_long(): ...\n"
    assert list(of_make_test(long)) == []
    assert list(of_make_test(f"pytestmark = [{MATRIX}]\ndef test_long(): ...\n")) == []
    assert list(of_make_test(long + "class TestAll:\n    def test_short(self): ...\n")) == ["test_short"]
