"""The source files of the program, and the functions of these tests that read a syntax tree."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent

PROGRAM = [path for folder in ("api", "worker", "shared", "cli") for path in sorted((ROOT / folder).rglob("*.py"))]

DOORS = [path for door in ("v1", "scim", "console") for path in sorted((ROOT / "api" / door).glob("*.py"))]

SERVICES = [path for path in sorted((ROOT / "shared" / "services").glob("*.py")) if path.stem[0] != "_"]


def text_of(path: Path) -> str:
    """The text of a file."""
    return path.read_text(encoding="utf-8")


def relative(path: Path) -> str:
    """The path of a file, relative to the root of the repository."""
    return path.relative_to(ROOT).as_posix()


def calls(tree: ast.AST) -> Iterator[ast.Call]:
    """The calls in a syntax tree."""
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def name_of(function: ast.expr) -> str:
    """The last name of an expression: `c` of `a.b.c`."""
    return ast.unparse(function).rpartition(".")[2]


def owner_of(function: ast.expr) -> str:
    """The name before the last one: `b` of `a.b.c`. Empty for a single name."""
    return ast.unparse(function.value).rpartition(".")[2] if isinstance(function, ast.Attribute) else ""
