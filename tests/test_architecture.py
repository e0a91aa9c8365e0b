"""What every line of the program keeps to, checked on the code itself: so that a new route, task or event cannot
leave it by oversight. Each check is also shown a made-up offender, or it might find nothing because it looks nowhere.
"""

import ast
import inspect
import re
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fastapi import Depends, FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import RouteContext, iter_route_contexts

from api.http.dependencies import Allow, allow
from shared import services, settings
from shared.services.verbs import Verb

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
    "/s/{token}",
    "/v1/events/asyncapi.json",
    "/verify",
    "/verify/{code}",
    "/verify/{code}/status",
    "/.well-known/jwks.json",
    "/issuers/{org_id}",
}
"""The addresses that answer without a bearer token. None has a tenant's row in its answer, but for: the session link's
page, whose address is itself signed and shows one assignment alone; a licence's page and the status of its credential,
whose code is 64 random bits and opens no more than was printed beside it; and the name of an organization that issues
credentials, since all that it issues names it. The keys are public ones."""

TASKS = {
    "assignments.remind",
    "assignments.remind_organization",
    "deliveries.plan",
    "deliveries.send",
    "events.publish",
    "events.relay",
    "events.seal",
    "jobs.run",
    "jobs.run_chunk",
    "jobs.rescue",
    "licences.sweep",
    "licences.sweep_organization",
}
"""Published task names: messages in flight during an upgrade carry them, so none is ever renamed."""

EVENT_TYPES = {
    "assignment.changed",
    "assignment.closed",
    "assignment.completed",
    "assignment.created",
    "assignment.due_soon",
    "assignment.overdue",
    "assignment.reassigned",
    "assignment.reminded",
    "assignment.reopened",
    "assignment.session_link_minted",
    "course.archived",
    "course.changed",
    "course.created",
    "course_version.changed",
    "course_version.drafted",
    "course_version.published",
    "course_version.superseded",
    "folder.changed",
    "folder.created",
    "job.approved",
    "job.cancel_requested",
    "job.finished",
    "job.rejected",
    "job.submitted",
    "licence.changed",
    "licence.expired",
    "licence.expiring",
    "licence.granted",
    "licence.restored",
    "licence.revoked",
    "licence.superseded",
    "organization.added",
    "organization.availability_changed",
    "organization.entitlement_changed",
    "organization.settings_changed",
    "party.changed",
    "party.created",
    "party.erased",
    "session.amended",
    "session.attendance_recorded",
    "session.cancelled",
    "session.changed",
    "session.completed",
    "session.completion_undone",
    "session.completion_withdrawn",
    "session.reinstated",
    "session.roster_added",
    "session.roster_removed",
    "session.scheduled",
    "webhook.changed",
    "webhook.created",
    "webhook.disabled",
    "webhook.removed",
    "webhook.secret_rotated",
}
"""Published event types: consumers branch on them, so none is ever renamed."""


# --- routes


def undeclared(app: FastAPI) -> set[str]:
    """The addresses of routes that declare no permission."""
    return {str(route.path) for route in iter_route_contexts(app.routes) if not _declared(route)}


def _declared(route: RouteContext) -> list[Allow]:
    dependant: Dependant | None = getattr(route, "dependant", None)
    return [] if dependant is None else [one.call for one in _flattened(dependant) if isinstance(one.call, Allow)]


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


WITHOUT_A_VERB = {"/v1/limits"}
"""The addresses whose answer is the same for every signed-in member: no verb stands behind them."""


def test_every_other_route_declares_the_verb_it_calls(app: FastAPI) -> None:
    """The permission that is asked for before the body is read is the one that the verb asks for."""
    without, wrong = set(), set()
    for route in iter_route_contexts(app.routes):
        for declared in _declared(route):
            if declared.verb is None:
                without.add(str(route.path))
            elif declared.verb.name not in _called(route.endpoint):
                wrong.add(str(route.path))
    assert (without, wrong) == (WITHOUT_A_VERB, set())


def _called(endpoint: Callable[..., object] | None) -> set[str]:
    """The names that a route reads."""
    assert endpoint is not None
    function = ast.parse(textwrap.dedent(inspect.getsource(inspect.unwrap(endpoint))))
    return {_name(node) for node in ast.walk(function) if isinstance(node, ast.Name | ast.Attribute)}


# --- doors


DOORS = [path for door in ("v1", "console") for path in sorted((ROOT / "api" / door).glob("*.py"))]

PURE = {"asyncapi_document", "cloud_event", "day_in", "now", "grouped", "read_code"}
"""Functions of slices that a door may call: they read and write nothing, and only give a thing its form outside."""


def rules_broken(source: str) -> list[str]:
    """The calls of a door that belong in a verb: a transaction that is used, or a function of a slice.

    A door may name what slices export, classes and constants. It calls none of their functions: those are verbs'
    business, and so is whatever a transaction offers.
    """
    tree = ast.parse(source)
    slices = {
        alias.asname or alias.name
        for node in tree.body
        if isinstance(node, ast.ImportFrom) and _is_slice(node.module or "")
        for alias in node.names
        if alias.name[0].islower() and alias.name not in PURE
    }
    slices |= {
        alias.asname or alias.name
        for node in tree.body
        if isinstance(node, ast.ImportFrom) and node.module == "shared"
        for alias in node.names
    }
    return [
        ast.unparse(call.func)
        for call in _calls(tree)
        if _name(call.func) not in PURE
        and (ast.unparse(call.func).split(".")[0] in slices or _owner(call.func) == "db")
    ]


def _is_slice(module: str) -> bool:
    room, _, inside = module.partition(".")
    return room == "shared" and inside.partition(".")[0] not in ("services", "pagination", "wire", "errors", "settings")


def _owner(function: ast.expr) -> str:
    return ast.unparse(function.value).rpartition(".")[2] if isinstance(function, ast.Attribute) else ""


@pytest.mark.parametrize("path", DOORS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_door_calls_verbs_and_nothing_else_of_the_product(path: Path) -> None:
    assert rules_broken(path.read_text(encoding="utf-8")) == []


def test_a_door_that_writes_joins_nouns_or_commits_is_found() -> None:
    made_up = """
from shared import clock, licences
from shared.assignments import AssignmentAnswer, complete
from shared.services import assignments

def route(db, now):
    db.add(AssignmentAnswer.of(assignments.get_assignment(db, clock.now())))
    licences.grant(db)
    complete(db)
    parts.db.commit()
"""
    assert sorted(rules_broken(made_up)) == ["complete", "db.add", "licences.grant", "parts.db.commit"]


# --- verbs


SERVICES = [path for path in sorted((ROOT / "shared" / "services").glob("*.py")) if path.stem[0] != "_"]

WITHOUT_A_CALLER = {
    "open_link": "the link is signed",
    "complete_by_link": "the link is signed",
    "verify_code": "the printed code opens what is printed beside it",
    "credential_status": "the same",
    "published_keys": "public keys",
    "issuer_profile": "the name of an organization that issues credentials",
}
"""The functions that doors call without a caller, and why that is safe."""


def undeclared_verbs(source: str) -> set[str]:
    """The public functions of a service that take a caller and are no verbs."""
    return {
        node.name
        for node in ast.parse(source).body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name[0] != "_"
        and [argument.arg for argument in node.args.args][1:2] in (["caller"], ["_"])
        and not any(_name(one.func) == "verb" for one in node.decorator_list if isinstance(one, ast.Call))
    }


HELPERS = {"submit", "named_parties", "need_folders"}
"""Functions of `submitting` that verbs call on behalf of their caller."""


@pytest.mark.parametrize("path", SERVICES, ids=lambda path: path.stem)
def test_every_function_of_a_service_that_takes_a_caller_is_a_verb(path: Path) -> None:
    assert undeclared_verbs(path.read_text(encoding="utf-8")) - HELPERS == set()


def test_a_function_that_takes_a_caller_and_declares_nothing_is_found() -> None:
    made_up = "@verb()\ndef good(db, caller): ...\n\ndef bad(db, caller, now): ...\n\ndef other(db, now): ..."
    assert undeclared_verbs(made_up) == {"bad"}


def test_doors_call_without_a_caller_only_what_needs_none() -> None:
    """Everything else that a door calls of a service is a verb."""
    called = set()
    for path in DOORS:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        modules = {
            alias.name
            for node in tree.body
            if isinstance(node, ast.ImportFrom) and node.module == "shared.services"
            for alias in node.names
        }
        called |= {ast.unparse(call.func) for call in _calls(tree) if _owner(call.func) in modules}
    found = {one for one in called if not isinstance(_service(one), Verb)}
    assert {one.rpartition(".")[2] for one in found} == {*WITHOUT_A_CALLER, "export_events"}


def _service(name: str) -> object:
    module, _, function = name.partition(".")
    return getattr(getattr(services, module), function)


# --- tasks


def test_task_names_are_the_published_ones(configured: settings.Settings) -> None:
    from worker.app import app  # reads the environment, so not before it is set

    app.loader.import_default_modules()
    names = {name for name in app.tasks if not name.startswith("celery.")}
    assert names == TASKS
    assert {entry["task"] for entry in app.conf.beat_schedule.values()} <= TASKS


# --- events


EVENT_TYPE = re.compile(r"[a-z_]*[a-rt-z]\.[a-z_]*")
"""`<noun>.<what happened>`, whole or begun. The noun is singular, unlike those of tasks and kinds of job."""


def event_types(source: str) -> set[str]:
    """The event types that a module writes out, if it records any.

    Of one that is put together, `f"course.{what}"`, the calls of the function around it say what it can be.
    """
    tree = ast.parse(source)
    if "events.record" not in source:
        return set()
    texts = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    whole = {text for text in texts if EVENT_TYPE.fullmatch(text) and not text.endswith(".")}
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    return whole.union(*(_put_together(function, tree) for function in functions))


def _put_together(function: ast.FunctionDef, tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(function):
        match node:
            case ast.JoinedStr(values=[ast.Constant(value=str(noun)), ast.FormattedValue(value=ast.Name(id=name))]):
                if EVENT_TYPE.fullmatch(noun):
                    at = [argument.arg for argument in function.args.args].index(name)
                    given = [call.args[at] for call in _calls(tree) if _name(call.func) == function.name]
                    yield from (noun + ast.literal_eval(one) for one in given)


def test_event_types_are_the_published_ones() -> None:
    assert set().union(*(event_types(path.read_text(encoding="utf-8")) for path in PROGRAM)) == EVENT_TYPES


def test_every_way_to_write_an_event_type_is_found() -> None:
    made_up = """
def sell(db):
    submit("horses.sell")
    events.record(db, Fact("horse.moved", "horse/1"), _fact("sold"))

def _fact(what):
    return Fact(f"horse.{what}", f"horse/{what}")
"""
    assert event_types(made_up) == {"horse.moved", "horse.sold"}
    assert event_types(made_up.replace("events.record", "print")) == set()


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


def _name(function: ast.expr) -> str:
    return ast.unparse(function).rpartition(".")[2]


@pytest.mark.parametrize(("check", "door"), [(commits, "shared/database.py"), (clocks, "shared/clock.py")])
def test_one_module_commits_and_one_tells_the_time(check: Callable[[ast.AST], list[int]], door: str) -> None:
    found = {str(path.relative_to(ROOT)) for path in PROGRAM if check(ast.parse(path.read_text(encoding="utf-8")))}
    assert found == {door}


def test_a_commit_and_a_clock_elsewhere_are_found() -> None:
    made_up = ast.parse("db.commit()\nthen = datetime.now(UTC)\nday = datetime.date.today()\nclock.now()\ncommit")
    assert (commits(made_up), clocks(made_up)) == ([1], [2, 3])
