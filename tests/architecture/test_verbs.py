"""Doors call verbs and nothing else of the product, and every function of a service that takes a caller is a verb."""

import ast
from pathlib import Path

import pytest

from shared import services
from shared.services.verbs import Verb
from tests.architecture.source import DOORS, SERVICES, calls, name_of, owner_of, relative, text_of

PURE = {
    "asyncapi_document",
    "cloud_event",
    "day_in",
    "exported",
    "now",
    "time_zones",
    "grouped",
    "in_words",
    "read_code",
    "line",
    "escaped",
}
"""Functions of slices that a door may call: they query and write nothing, and only convert values."""


def rules_broken(source: str) -> list[str]:
    """The calls of a door that belong in a verb: of a method of a transaction, or of a function of a slice.

    A door may use classes and constants of slices.
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
        for call in calls(tree)
        if name_of(call.func) not in PURE
        and (ast.unparse(call.func).split(".")[0] in slices or owner_of(call.func) == "db")
    ]


def _is_slice(module: str) -> bool:
    room, _, inside = module.partition(".")
    return room == "shared" and inside.partition(".")[0] not in (
        "services",
        "pagination",
        "wire",
        "errors",
        "settings",
        "texts",
    )


@pytest.mark.parametrize("path", DOORS, ids=lambda path: relative(path))
def test_a_door_calls_verbs_and_nothing_else_of_the_product(path: Path) -> None:
    assert rules_broken(text_of(path)) == []


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


# --- services

WITHOUT_A_CALLER = {
    "open_link": "the link is signed",
    "complete_by_link": "the link is signed",
    "open_certificate_link": "the same",
    "verify_code": "the printed code opens what is printed beside it",
    "credential_status": "the same",
    "published_keys": "public keys",
    "find": "the cookie of a sign-in",
    "list_ways": "the issuers at which members of an organization sign in",
    "begin_attempt": "the same",
    "demo_organization": "an id, and only for the page of the personas",
    "enter_as": "only where nobody but the person at the machine can reach it",
    "finish_attempt": "the issuer's signature",
    "end_by_cookie": "the cookie of a sign-in",
    "end_by_logout": "the issuer's signature",
    "end_session_address": "the same as list_ways",
    "issuer_profile": "the name of an organization that issues credentials",
}
"""The functions that doors call without a caller, each with the reason why that is safe."""


def undeclared_verbs(source: str) -> set[str]:
    """The public functions of a service that take a caller and are not verbs."""
    return {
        node.name
        for node in ast.parse(source).body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name[0] != "_"
        and [argument.arg for argument in node.args.args][1:2] in (["caller"], ["_"])
        and not any(name_of(one.func) == "verb" for one in node.decorator_list if isinstance(one, ast.Call))
    }


NO_VERBS = {"submit", "named_parties", "need_folders", "select_assignments"}
"""Functions of `submitting` and `selecting` that take a caller and that only verbs call."""


@pytest.mark.parametrize("path", SERVICES, ids=lambda path: path.stem)
def test_every_function_of_a_service_that_takes_a_caller_is_a_verb(path: Path) -> None:
    assert undeclared_verbs(text_of(path)) - NO_VERBS == set()


def test_a_function_that_takes_a_caller_and_declares_nothing_is_found() -> None:
    made_up = "@verb()\ndef good(db, caller): ...\n\ndef bad(db, caller, now): ...\n\ndef other(db, now): ..."
    assert undeclared_verbs(made_up) == {"bad"}


def test_doors_call_without_a_caller_only_what_needs_none() -> None:
    """All other functions of a service that a door calls are verbs."""
    called = set()
    for path in DOORS:
        tree = ast.parse(text_of(path))
        modules = {
            alias.name
            for node in tree.body
            if isinstance(node, ast.ImportFrom) and node.module == "shared.services"
            for alias in node.names
        }
        called |= {ast.unparse(call.func) for call in calls(tree) if owner_of(call.func) in modules}
    found = {one for one in called if not isinstance(_service(one), Verb)}
    assert {one.rpartition(".")[2] for one in found} == {*WITHOUT_A_CALLER, "export_events"}


def _service(name: str) -> object:
    module, _, function = name.partition(".")
    return getattr(getattr(services, module), function)
