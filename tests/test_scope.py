"""A token that is limited to folders: a matrix of every operation of the API, every scope and things of every place.

The operations come from the OpenAPI document. A new one has no entry in `ENTRIES` (`scoping.py`) and fails the first
test, until its entry says what it is about. The world has parties inside and outside a folder, and things that quote
either or both.
"""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from api.http.accepted import XLSX
from api.http.parts import Parts
from tests.assignments.asking import pages, recipients
from tests.drain import InProcessWorker
from tests.factories import Org, add_org
from tests.places import MARK, World, build
from tests.routes import Operation, operations
from tests.scoping import ENTRIES, REASON, SCOPES, Entry, Ids, changed, named, problem_of, reopened
from tests.sessions.sitting import schedule
from tests.traces import stored
from tests.workbooks import shown_in

FORMS = ("application/json", "application/x-ndjson")
FILES = ("text/csv", XLSX)
"""Lists are read in these forms as well; others refuse them before they look at an id."""


@pytest.fixture(scope="module")
def world(app: FastAPI, parts: Parts) -> World:
    """A world that tests read, and whose outside nobody changes."""
    return build(add_org(app, parts))


@pytest.fixture(scope="module")
def every(app: FastAPI) -> list[tuple[Operation, Entry]]:
    """Every operation with its entry."""
    return [(one, ENTRIES[str(one)]) for one in operations(app) if str(one) in ENTRIES]


def test_every_operation_has_an_entry(app: FastAPI) -> None:
    assert {str(one) for one in operations(app)} == ENTRIES.keys()


def answers(client: TestClient, operation: Operation, entry: Entry, ids: Ids) -> Iterator[Any]:
    """Send the request of an entry; a reading one in every form that a list has."""
    request = {} if entry.body is None else {"json": entry.body(ids)}
    if entry.kind == "plain" and not entry.reads:
        return  # it quotes no party, and would archive the courses of the things here
    for form in (FORMS + FILES if operation.is_list else FORMS) if operation.method == "GET" else FORMS[:1]:
        yield operation.call(client, ids, entry.query(ids), headers={"Accept": form}, **request)


def about(world: World) -> dict[str, list[str]]:
    """The rows that quote what is outside, and were there before."""
    ids = [world.places[place][name] for place in ("outside", "mixed") for name in ("session_id", "job_id")]
    return {
        table: [row for row in rows if MARK in row or any(one in row for one in ids)]
        for table, rows in stored(world.org).items()
        if table
        not in (
            "job",
            "job_chunk",
            "job_outcome",
            "record_row",
            "event",
        )  # a caller may name an outside id in a new job
    }


@pytest.mark.parametrize("place", ["outside", "mixed", "inside"])
@pytest.mark.parametrize("scope", SCOPES)
def test_no_answer_quotes_what_is_outside_and_no_act_changes_it(
    every: list[tuple[Operation, Entry]], world: World, scope: str, place: str
) -> None:
    """Where the scope is `inside`, only reading operations are called for things inside, as all others are allowed."""
    client, ids, before = world.visitor(SCOPES[scope]), world.places[place], about(world)
    for operation, entry in every:
        if not entry.reads and (scope, place) == ("inside", "inside"):
            continue
        for answer in answers(client, operation, entry, ids):
            assert answer.status_code < 500, f"{operation}: {answer.text[:500]}"
            shown = shown_in(answer)
            shown = shown.replace(ids["party_id"], "") if entry.kind in ("given", "one") else shown
            assert MARK not in shown, f"{operation}: {answer.text[:1000]}"
            if entry.kind == "whole":
                assert problem_of(answer) == (403, "permission-denied"), str(operation)
    with InProcessWorker.open() as worker:
        worker.drain(world.org.id)
    after = about(world)
    assert {table: rows for table, rows in after.items() if rows != before[table]} == {}


def hides(name: str, answer: Any) -> str:
    """The answer without what differs by chance: the id that was given, other ids and times."""
    text = shown_in(answer).replace(name, "ID")
    return re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}|\d{4}-\d\d-\d\dT[0-9:.]+Z?(\+00:00)?", "", text)


@pytest.mark.parametrize("scope", SCOPES)
def test_what_is_outside_is_answered_as_what_is_unknown(
    every: list[tuple[Operation, Entry]], world: World, scope: str
) -> None:
    client = world.visitor(SCOPES[scope])
    outside, unknown = world.places["outside"], world.places["unknown"]
    course = {"courseId": world.places["inside"]["courseId"]}
    for operation, entry in every:
        if entry.kind not in ("one", "given"):
            continue
        two = (dict(outside) | course, dict(unknown) | course)
        for here, there in zip(*(answers(client, operation, entry, ids) for ids in two), strict=True):
            assert here.status_code == there.status_code, f"{operation}: {here.text} {there.text}"
            assert hides(outside["party_id"], here) == hides(unknown["party_id"], there), str(operation)
            if entry.kind == "one" and "session_id" not in operation.inside:
                assert here.status_code == 404, f"{operation}: {here.text}"


def test_outcomes_of_ids_that_a_caller_gave_are_the_same_for_outside_and_unknown(world: World) -> None:
    client = world.visitor(["inside"])
    found: dict[tuple[str, ...], list[Any]] = {}
    course, held = world.places["inside"]["courseId"], world.places["inside"]["held_session_id"]
    for place in ("outside", "unknown"):
        ids = world.places[place]
        party = recipients(ids["party_id"])
        sent: list[tuple[str, dict[str, Any]]] = [
            ("/v1/assignments", {"courseId": course, "recipients": party, **REASON}),
            ("/v1/assignments/complete", {"courseId": course, "recipients": party}),
            ("/v1/assignments/complete", {"assignmentIds": [ids["assignment_id"]]}),
            ("/v1/assignments/close", {"assignmentIds": [ids["assignment_id"]], **REASON}),
            ("/v1/assignments/change", changed(ids)),
            ("/v1/assignments/reopen", reopened(ids)),
            ("/v1/assignments/remind", named(ids)),
            (f"/v1/sessions/{held}/amend", {"add": party, **REASON}),
        ]
        for path, content in sent:
            job = client.post(path, json=content)
            assert job.status_code == 202, f"{path}: {job.text}"
            before = client.get(f"/v1/jobs/{job.json()['id']}/results").json()["items"]
            with InProcessWorker.open() as worker:
                worker.drain(world.org.id)
            address = f"/v1/jobs/{job.json()['id']}"
            results = client.get(f"{address}/results").json()["items"]
            shown = client.get(address).json()
            given = (ids["party_id"], ids["assignment_id"])
            assert [one["entityId"] in given for one in [*before, *results]] == [True, True], path
            outcome = (results[0]["code"], results[0]["assignmentId"], shown["counts"], shown["state"])
            found.setdefault((path, *sorted(content)), []).append(outcome)
            assert client.post(f"{address}/retry").status_code == 202  # ids that were never found are no obstacle
    assert all(here == there for here, there in found.values()), found
    assert {here[0] for here, _ in found.values()} == {"party-not-found", "assignment-not-found"}


def test_acts_on_what_is_partly_outside_are_out_of_scope(every: list[tuple[Operation, Entry]], world: World) -> None:
    client, before = world.visitor(["inside"]), stored(world.org)
    for operation, entry in every:
        if operation.inside <= {"job_id", "session_id"} and operation.inside and not (entry.reads or entry.shared):
            (answer,) = answers(client, operation, entry, world.places["mixed"])
            assert problem_of(answer) == (403, "out-of-scope"), f"{operation}: {answer.text}"
    assert stored(world.org) == before


def test_a_scope_that_covers_everything_sees_what_a_caller_without_scope_sees(
    every: list[tuple[Operation, Entry]], world: World
) -> None:
    """The control: what is hidden above is there, and a caller whose folders hold everybody is refused nothing."""
    covers, everything, marked = world.visitor(["all"]), world.visitor(None), 0
    skipped = {"GET /v1/me", "GET /v1/folders", "GET /v1/parties", "GET /v1/events", "GET /v1/audit/events"}
    skipped |= {"GET /v1/audit/inclusion"}  # of the first event, which is about no party
    skipped |= {
        "GET /v1/deliveries",
        "GET /v1/deliveries/summary",
        "GET /v1/sweeps",
        "GET /v1/sweeps/{sweep_id}",
        "GET /v1/assignments/summary",
        "GET /v1/parties/{party_id}",
    }
    for operation, entry in every:
        if not entry.reads or str(operation) in skipped:
            continue
        for place in ("inside", "outside", "mixed"):
            ids = world.places[place]
            pairs = zip(*(answers(client, operation, entry, ids) for client in (covers, everything)), strict=True)
            for limited, full in pairs:
                assert (limited.status_code, hides("\0", limited)) == (full.status_code, hides("\0", full)), str(
                    operation
                )
                marked += MARK in full.text
    assert marked > 30


def test_acts_in_a_scope_that_covers_everything_are_not_refused(
    app: FastAPI, parts: Parts, every: list[tuple[Operation, Entry]]
) -> None:
    own = build(add_org(app, parts))
    client = own.visitor(["all"])
    for operation, entry in every:
        if entry.reads or entry.kind in ("whole", "plain"):
            continue
        (answer,) = answers(client, operation, entry, own.places["mixed"])
        assert answer.status_code not in (403, 404), f"{operation}: {answer.text}"


@pytest.mark.parametrize("folders", [["inside"], [f"{MARK}-folder"], []], ids=str)
def test_things_of_another_organization_are_unknown_in_every_scope(
    every: list[tuple[Operation, Entry]], world: World, other_org: Org, folders: list[str]
) -> None:
    before, client = stored(world.org), other_org.client(folders=folders)
    for operation, entry in every:
        if entry.kind == "one":
            for answer in answers(client, operation, entry, world.places["mixed"]):
                assert answer.status_code == 404, f"{operation}: {answer.text}"
    assert stored(world.org) == before


# --- what the matrix cannot know


def test_sums_count_only_what_is_inside(world: World) -> None:
    client = world.visitor(["inside"])
    session = client.get(f"/v1/sessions/{world.places['mixed']['session_id']}").json()
    assert session["rosterSize"] == 1
    (folder,) = client.get("/v1/assignments/summary?by=folder").json()["items"]
    seen = len(pages(client, "/v1/assignments"))  # other tests may have added some inside
    assert (folder["id"], sum(folder[state] for state in ("assigned", "completed", "closed"))) == ("inside", seen)
    assert seen >= 3
    assert client.get("/v1/deliveries/summary").json()["total"] == len(pages(client, "/v1/deliveries"))
    sweeps = pages(client, "/v1/sweeps")
    assert {(one["expired"], one["notices"], one["renewals"]) for one in sweeps} == {(None, None, None)}


def test_a_session_with_an_empty_roster_is_visible_in_every_scope(world: World) -> None:
    empty = schedule(world.org, world.places["inside"]["courseId"])
    for folders in SCOPES.values():
        client = world.visitor(folders)
        assert client.get(f"/v1/sessions/{empty}").status_code == 200
        assert client.patch(f"/v1/sessions/{empty}", json={"location": str(folders)}).status_code == 200


def test_the_policy_of_a_course_is_of_the_whole_organization(world: World) -> None:
    client, course = world.visitor(["all"]), f"/v1/courses/{world.places['inside']['courseId']}"
    assert problem_of(client.patch(course, json={"licenceMonths": 24})) == (403, "permission-denied")
    assert client.patch(course, json={"description": "Anew"}).status_code == 200
