"""What every line of the program keeps to, checked on the code itself: so that a new route, task or event cannot
leave it by oversight. Each check is also shown a made-up offender, or it might find nothing because it looks nowhere.
"""

import ast
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path

import pytest
from fastapi import Depends, FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import RouteContext, iter_route_contexts

from api.dependencies import Allow, allow
from shared import settings

ROOT = Path(__file__).resolve().parent.parent
PROGRAM = [path for room in ("api", "worker", "shared", "cli") for path in sorted((ROOT / room).rglob("*.py"))]

PUBLIC = {
    "/health/live",
    "/health/ready",
    "/metrics",
    "/openapi.json",
    "/docs",
    "/docs/oauth2-redirect",
    "/redoc",
}
"""The addresses that answer without a token. Whatever is added here has no tenant's row in its answer."""

TASKS = {"jobs.run", "jobs.run_chunk", "jobs.rescue"}
"""Published task names: messages in flight during an upgrade carry them, so none is ever renamed."""

EVENT_TYPES = {
    "assignment.created",
    "course.archived",
    "course.changed",
    "course.created",
    "course_version.changed",
    "course_version.drafted",
    "course_version.published",
    "course_version.superseded",
    "folder.changed",
    "folder.created",
    "job.cancel_requested",
    "job.finished",
    "job.submitted",
    "organization.added",
    "organization.availability_changed",
    "organization.entitlement_changed",
    "party.changed",
    "party.created",
    "party.erased",
}
"""Published event types: consumers branch on them, so none is ever renamed."""


# --- routes


def undeclared(app: FastAPI) -> set[str]:
    """The addresses of routes that declare no permission."""
    return {str(route.path) for route in iter_route_contexts(app.routes) if not _declares(route)}


def _declares(route: RouteContext) -> bool:
    dependant: Dependant | None = getattr(route, "dependant", None)
    return dependant is not None and any(isinstance(one.call, Allow) for one in _flattened(dependant))


def _flattened(dependant: Dependant) -> Iterator[Dependant]:
    for one in dependant.dependencies:
        yield one
        yield from _flattened(one)


def test_every_route_declares_who_may_call_it(app: FastAPI) -> None:
    assert undeclared(app) == PUBLIC


def test_a_route_that_declares_nothing_is_found() -> None:
    made_up = FastAPI(openapi_url=None)
    made_up.get("/declared", dependencies=[allow()])(lambda: None)
    made_up.get("/undeclared", dependencies=[Depends(lambda: None)])(lambda: None)
    assert undeclared(made_up) == {"/undeclared"}


# --- tasks


def test_task_names_are_the_published_ones(configured: settings.Settings) -> None:
    from worker.app import app  # reads the environment, so not before it is set

    app.loader.import_default_modules()
    names = {name for name in app.tasks if not name.startswith("celery.")}
    assert names == TASKS
    assert {entry["task"] for entry in app.conf.beat_schedule.values()} <= TASKS


# --- events


class Emitted(ast.NodeVisitor):
    """The event types that a module records: the first argument of `Fact(...)` and `type=` of `record_each(...)`.

    Where a function passes its own parameter on, the calls of that function in the module say what it can be.
    """

    def __init__(self, source: str) -> None:
        self.types: set[str] = set()
        self._tree = ast.parse(source)
        self._inside: list[ast.FunctionDef] = []
        self.visit(self._tree)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        """Remember whose parameters a name may be."""
        self._inside.append(node)
        self.generic_visit(node)
        self._inside.pop()

    def visit_Call(self, node: ast.Call) -> None:
        """Collect what one call records."""
        if _name(node.func) == "Fact":
            self.types |= self._values(node.args[0], self._inside)
        if ast.unparse(node.func) == "events.record_each":
            self.types |= self._values(_keyword(node, "type"), self._inside)
        self.generic_visit(node)

    def _values(self, node: ast.expr, inside: list[ast.FunctionDef]) -> set[str]:
        match node:
            case ast.Constant(value=str(value)):
                return {value}
            case ast.FormattedValue(value=value):
                return self._values(value, inside)
            case ast.IfExp(body=body, orelse=orelse):
                return self._values(body, inside) | self._values(orelse, inside)
            case ast.JoinedStr(values=parts):
                return {"".join(parts) for parts in product(*(self._values(part, inside) for part in parts))}
            case ast.Name(id=name) if inside:
                return set().union(*(self._values(each, []) for each in self._arguments(inside[-1], name)))
        raise AssertionError(f"line {node.lineno}: cannot tell the event type from `{ast.unparse(node)}`")

    def _arguments(self, function: ast.FunctionDef, parameter: str) -> list[ast.expr]:
        names = [argument.arg for argument in function.args.args]
        calls = [node for node in ast.walk(self._tree) if isinstance(node, ast.Call)]
        ours = [call for call in calls if _name(call.func) == function.name]
        assert ours, f"{function.name} is never called in its module, so `{parameter}` may be anything"
        return [
            call.args[at] if (at := names.index(parameter)) < len(call.args) else _keyword(call, parameter)
            for call in ours
        ]


def _name(function: ast.expr) -> str:
    return ast.unparse(function).rpartition(".")[2]


def _keyword(call: ast.Call, name: str) -> ast.expr:
    return next(keyword.value for keyword in call.keywords if keyword.arg == name)


def test_event_types_are_the_published_ones() -> None:
    emitted = [Emitted(path.read_text(encoding="utf-8")).types for path in PROGRAM if path.parent.name != "events"]
    assert set().union(*emitted) == EVENT_TYPES


def test_every_way_to_record_an_event_is_found() -> None:
    made_up = """
def do(db, good):
    events.record(db, Fact("party.moved", "party/1"), _fact("sold"))
    events.record_each(db, type="party.told", count=1)
    _switch("horse.on" if good else "horse.off")

def _fact(what):
    return Fact(f"horse.{what}", "horse/1")

def _switch(type):
    events.record(db, Fact(type, "horse/1"))
"""
    assert Emitted(made_up).types == {"party.moved", "party.told", "horse.sold", "horse.on", "horse.off"}
    with pytest.raises(AssertionError, match="cannot tell the event type"):
        Emitted("Fact(types[0], 'party/1')")


# --- commits and clocks


def commits(tree: ast.AST) -> list[int]:
    """The lines that call `commit`."""
    return [node.lineno for node in _calls(tree) if _name(node.func) == "commit"]


def clocks(tree: ast.AST) -> list[int]:
    """The lines that ask what time or day it is."""
    asked = {"datetime.now", "datetime.utcnow", "datetime.today", "date.today"}
    return [node.lineno for node in _calls(tree) if ".".join(ast.unparse(node.func).split(".")[-2:]) in asked]


def _calls(tree: ast.AST) -> Iterator[ast.Call]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


@pytest.mark.parametrize(("check", "door"), [(commits, "shared/database.py"), (clocks, "shared/clock.py")])
def test_one_module_commits_and_one_tells_the_time(check: Callable[[ast.AST], list[int]], door: str) -> None:
    found = {str(path.relative_to(ROOT)) for path in PROGRAM if check(ast.parse(path.read_text(encoding="utf-8")))}
    assert found == {door}


def test_a_commit_and_a_clock_elsewhere_are_found() -> None:
    made_up = ast.parse("db.commit()\nthen = datetime.now(UTC)\nday = datetime.date.today()\nclock.now()\ncommit")
    assert (commits(made_up), clocks(made_up)) == ([1], [2, 3])
