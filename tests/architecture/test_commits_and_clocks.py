"""One module commits, and one reads the time."""

import ast
from collections.abc import Callable

import pytest

from tests.architecture.source import PROGRAM, calls, name_of, relative, text_of


def commits(tree: ast.AST) -> list[int]:
    """The lines that call `commit`."""
    return [node.lineno for node in calls(tree) if name_of(node.func) == "commit"]


def clocks(tree: ast.AST) -> list[int]:
    """The lines that read the present time or day."""
    asked = {"datetime.now", "datetime.utcnow", "datetime.today", "date.today"}
    return [node.lineno for node in calls(tree) if ".".join(ast.unparse(node.func).split(".")[-2:]) in asked]


@pytest.mark.parametrize(("check", "module"), [(commits, "shared/database.py"), (clocks, "shared/clock.py")])
def test_only_one_module_commits_and_only_one_reads_the_time(
    check: Callable[[ast.AST], list[int]], module: str
) -> None:
    found = {relative(path) for path in PROGRAM if check(ast.parse(text_of(path)))}
    assert found == {module}


def test_a_commit_and_a_clock_elsewhere_are_found() -> None:
    made_up = ast.parse("db.commit()\nthen = datetime.now(UTC)\nday = datetime.date.today()\nclock.now()\ncommit")
    assert (commits(made_up), clocks(made_up)) == ([1], [2, 3])
