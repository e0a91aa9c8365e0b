"""A token that is limited to folders: a matrix of every operation of the API, every scope and things of every place.

The operations come from the OpenAPI document. A new one has no entry in `ENTRIES` and fails the first test, until its
entry says what it is about. The world has parties inside and outside a folder, and things that quote either or both.
"""

import re
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import insert

from api.http.parts import Parts
from shared.jobs import JobOutcome
from tests.assignments.asking import assign, body, pages, recipients
from tests.deliveries.receiving import plan, webhook
from tests.drain import InProcessWorker
from tests.factories import Org, add_org
from tests.routes import Operation, operations
from tests.sessions.sitting import accept, add, schedule, sitting
from tests.traces import stored

MARK = "Quillfeather"
"""Part of every id, name and reason of what is outside, and of no request except as an id that is given."""

MIXED = "Shared reason"
"""The reason of the job that is partly outside. It stands in the assignments inside, too."""

Ids = Mapping[str, str]
Kind = Literal["whole", "list", "one", "given", "plain"]


@dataclass(frozen=True)
class Entry:
    """The things that an operation is about.

    kind: `whole`, an act of the whole organization. `list`, a list or sums over many things. `one`, the thing of the
    path. `given`, parties or things whose ids are in the body or the query. `plain`, nothing that quotes a party.
    body, query: a valid request for these ids. reads: True if it changes nothing. shared: True if it may be called for
    a session of which the caller sees only a part, because it is about one entry of its roster.
    """

    kind: Kind
    body: Callable[[Ids], Any] | None = None
    query: Callable[[Ids], str] = lambda ids: ""
    reads: bool = False
    shared: bool = False


REASON = {"reason": "Because"}
ONE, LIST, WHOLE = Entry("one"), Entry("list", reads=True), Entry("whole")
READ_ONE, READ_PLAIN = Entry("one", reads=True), Entry("plain", reads=True)


def with_body(kind: Kind, content: Callable[[Ids], Any] | dict[str, Any], **fields: Any) -> Entry:
    """An entry with a body that does or does not depend on the ids."""
    return Entry(kind, content if callable(content) else lambda ids: content, **fields)


def asked(ids: Ids) -> dict[str, Any]:
    """A submission for the party."""
    return {"courseId": ids["courseId"], "recipients": recipients(ids["party_id"]), **REASON}


def checked(ids: Ids) -> dict[str, Any]:
    """A check of the party's licence."""
    return {"partyIds": [ids["party_id"]], "courseIds": [ids["courseId"]]}


def named(ids: Ids) -> dict[str, Any]:
    """A selection of the assignment by its id."""
    return {"assignmentIds": [ids["assignment_id"]]}


def changed(ids: Ids) -> dict[str, Any]:
    """A bulk change of the assignment."""
    return named(ids) | {"set": {"dueOn": "2099-01-01"}, "why": "Because"}


def reopened(ids: Ids) -> dict[str, Any]:
    """A bulk reopening of the assignment."""
    return named(ids) | REASON


ENTRIES: dict[str, Entry] = {
    "GET /v1/licences/check": Entry(
        "given", query=lambda ids: f"partyId={ids['party_id']}&courseId={ids['courseId']}", reads=True
    ),
    "POST /v1/licences/check": with_body("given", checked, reads=True),
    "GET /v1/me": READ_PLAIN,
    "GET /v1/limits": READ_PLAIN,
    "GET /v1/settings": READ_PLAIN,
    "PUT /v1/settings": with_body("whole", {"changeLimit": 1}),
    "GET /v1/availability": READ_PLAIN,
    "PUT /v1/availability": with_body("whole", {"enabled": False}),
    "PUT /v1/parties": with_body("whole", {"parties": []}),
    "GET /v1/parties": LIST,
    "GET /v1/parties/{party_id}": READ_ONE,
    "POST /v1/parties/{party_id}/erase": WHOLE,
    "PUT /v1/folders/{folder_id}": with_body("whole", {"name": "Crew"}),
    "GET /v1/folders": LIST,
    "GET /v1/events": LIST,
    "GET /v1/audit/events": LIST,
    "GET /v1/audit/head": READ_PLAIN,
    "POST /v1/courses": with_body("plain", lambda ids: {"title": "New", "code": uuid.uuid4().hex[:8], "mode": "flex"}),
    "GET /v1/courses": READ_PLAIN,
    "GET /v1/courses/{course_id}": READ_PLAIN,
    "PATCH /v1/courses/{course_id}": with_body("plain", {"description": "New"}),
    "POST /v1/courses/{course_id}/archive": Entry("plain"),
    "POST /v1/courses/{course_id}/versions": with_body("plain", lambda ids: {"label": uuid.uuid4().hex[:8]}),
    "GET /v1/courses/{course_id}/versions": READ_PLAIN,
    "GET /v1/courses/{course_id}/versions/{version_id}": READ_PLAIN,
    "PATCH /v1/courses/{course_id}/versions/{version_id}": with_body("plain", {"summary": "New"}),
    "POST /v1/courses/{course_id}/versions/{version_id}/publish": Entry("plain"),
    "POST /v1/assignments/complete": with_body("given", lambda ids: {"assignmentIds": [ids["assignment_id"]]}),
    "POST /v1/assignments/{assignment_id}/complete": with_body("one", {}),
    "POST /v1/assignments/{assignment_id}/reopen": with_body("one", REASON),
    "POST /v1/assignments/{assignment_id}/session-link": with_body("one", {"force": True}),
    "POST /v1/assignments": with_body("given", asked),
    "GET /v1/assignments": LIST,
    "POST /v1/assignments/preview": with_body("given", asked, reads=True),
    "POST /v1/assignments/close": with_body("given", lambda ids: {"assignmentIds": [ids["assignment_id"]], **REASON}),
    "POST /v1/assignments/change": with_body("given", changed),
    "POST /v1/assignments/change/preview": with_body("given", changed, reads=True),
    "POST /v1/assignments/close/preview": with_body("given", reopened, reads=True),
    "POST /v1/assignments/reopen": with_body("given", reopened),
    "POST /v1/assignments/reopen/preview": with_body("given", reopened, reads=True),
    "POST /v1/assignments/remind": with_body("given", named),
    "POST /v1/assignments/remind/preview": with_body("given", named, reads=True),
    "GET /v1/assignments/summary": Entry("list", query=lambda ids: "by=folder", reads=True),
    "GET /v1/assignments/{assignment_id}": READ_ONE,
    "PATCH /v1/assignments/{assignment_id}": with_body("one", {"dueOn": "2099-01-01"}),
    "POST /v1/assignments/{assignment_id}/reassign": with_body(
        "one", lambda ids: {"recipient": recipients("in-1")[0], **REASON}
    ),
    "POST /v1/assignments/{assignment_id}/close": with_body("one", REASON),
    "POST /v1/session-tasks/complete": with_body(
        "given",
        lambda ids: {"taskType": "training_complete", "assignmentId": ids["assignment_id"], "sessionId": "s-1"},
    ),
    "GET /v1/me/assignments": READ_PLAIN,
    "GET /v1/me/licences": READ_PLAIN,
    "POST /v1/sessions": with_body("plain", lambda ids: sitting(ids["courseId"])),
    "GET /v1/sessions": LIST,
    "GET /v1/sessions/{session_id}.ics": READ_ONE,
    "GET /v1/sessions/{session_id}": READ_ONE,
    "PATCH /v1/sessions/{session_id}": with_body("one", {"location": "Elsewhere"}),
    "POST /v1/sessions/{session_id}/cancel": with_body("one", REASON),
    "POST /v1/sessions/{session_id}/reinstate": with_body("one", REASON),
    "POST /v1/sessions/{session_id}/complete": ONE,
    "POST /v1/sessions/{session_id}/amend": with_body("one", lambda ids: {"add": recipients("in-1"), **REASON}),
    "POST /v1/sessions/{session_id}/roster": with_body(
        "one", lambda ids: {"recipients": recipients(ids["party_id"])}, shared=True
    ),
    "GET /v1/sessions/{session_id}/roster": READ_ONE,
    "PUT /v1/sessions/{session_id}/roster/{party_id}": with_body("one", {"attendance": "absent"}, shared=True),
    "DELETE /v1/sessions/{session_id}/roster/{party_id}": Entry("one", shared=True),
    "GET /v1/jobs": LIST,
    "GET /v1/jobs/{job_id}": READ_ONE,
    "GET /v1/jobs/{job_id}/stream": READ_ONE,
    "GET /v1/jobs/{job_id}/results": READ_ONE,
    "POST /v1/jobs/{job_id}/cancel": ONE,
    "POST /v1/jobs/{job_id}/retry": ONE,
    "POST /v1/jobs/{job_id}/approve": ONE,
    "POST /v1/jobs/{job_id}/reject": with_body("one", REASON),
    "POST /v1/jobs/{job_id}/undo": ONE,
    "POST /v1/webhooks": with_body("whole", {"url": "https://example.com/", "types": []}),
    "GET /v1/webhooks": WHOLE,
    "GET /v1/webhooks/{webhook_id}": WHOLE,
    "PATCH /v1/webhooks/{webhook_id}": with_body("whole", {"description": "New"}),
    "DELETE /v1/webhooks/{webhook_id}": WHOLE,
    "POST /v1/webhooks/{webhook_id}/rotate": WHOLE,
    "POST /v1/webhooks/{webhook_id}/test": WHOLE,
    "GET /v1/webhooks/{webhook_id}/deliveries": WHOLE,
    "POST /v1/webhooks/{webhook_id}/replay": with_body("whole", {"fromSequence": 1}),
    "GET /v1/deliveries": LIST,
    "GET /v1/deliveries/summary": LIST,
    "POST /v1/deliveries/resend": with_body("whole", {"state": "dead"}),
    "POST /v1/deliveries/{delivery_id}/redeliver": ONE,
    "GET /v1/licences/{licence_id}/credential": READ_ONE,
    "GET /v1/licences": LIST,
    "GET /v1/licences/{licence_id}": READ_ONE,
    "PATCH /v1/licences/{licence_id}": with_body("one", {"note": "New", **REASON}),
    "POST /v1/licences/{licence_id}/revoke": with_body("one", REASON),
    "GET /v1/forecast": LIST,
    "POST /v1/policies/simulate": with_body(
        "plain", {"policy": {}, "history": [{"occurredOn": "2026-01-31"}]}, reads=True
    ),
    "GET /v1/sweeps": LIST,
    "POST /v1/sweeps": WHOLE,
    "GET /v1/licences/{licence_id}/certificate": READ_ONE,
}
"""Every operation under /v1. A new one needs an entry here; see `Entry`."""

SCOPES: dict[str, list[str]] = {"inside": ["inside"], "beside": ["beside"], "empty": []}
"""The folders of tokens that must see nothing of what is outside. `beside` has a party that nothing quotes."""

FORMS = ("application/json", "application/x-ndjson")
CSV = ("text/csv",)
"""Lists are read in this form as well; others refuse it before they look at an id."""


@dataclass(frozen=True)
class World:
    """An organization, and ids of things by their place: `inside`, `outside`, `mixed` and `unknown`."""

    org: Org
    places: Mapping[str, Ids]

    def visitor(self, folders: list[str] | None) -> TestClient:
        """A client with every permission and these folders, of a member who has made nothing."""
        return self.org.client(member="visitor", folders=folders)


def build(org: Org) -> World:
    """Create parties inside and outside, and things that quote them."""
    inner, outer = ["in-0", "in-1"], [f"{MARK}-0", f"{MARK}-1"]
    org.client().put("/v1/folders/all", json={"name": "All"})
    rows = [
        {"entityId": party, "displayName": f"{MARK} Person" if MARK in party else "Person", "folders": [folder, "all"]}
        for folder, several in (("inside", inner), (f"{MARK}-folder", outer), ("beside", ["beside-0"]))
        for party in several
    ]
    assert org.client().put("/v1/parties", json={"parties": rows}).json()["created"] == 5
    receiver = webhook(org, description=MARK)
    everybody = {"inside": inner, "outside": outer, "mixed": [inner[0], outer[0]]}
    with InProcessWorker.open() as worker:
        places = {place: _things(org, worker, place, party_ids) for place, party_ids in everybody.items()}
        org.client().post("/v1/sweeps")
        plan(org)
    deliveries = pages(org.client(), "/v1/deliveries", limit=500)
    for place, ids in places.items():
        ids["delivery_id"] = next(one["id"] for one in deliveries if one["partyId"] == ids["party_id"])
        ids["webhook_id"] = receiver
        ids["folder_id"] = "inside" if place == "inside" else f"{MARK}-folder"
    unknown = {name: str(uuid.uuid4()) for name in places["outside"]}
    shared = {name: places["inside"][name] for name in ("courseId", "course_id", "version_id", "webhook_id")}
    places["unknown"] = unknown | shared | {"party_id": "unknown-0", "folder_id": "unknown"}
    return World(org, places)


def _things(org: Org, worker: InProcessWorker, place: str, party_ids: list[str]) -> dict[str, str]:
    """Create a job, assignments, a completed and a scheduled session and licences of these parties."""
    owner = org.client(member="owner")
    text = {"inside": "Because", "outside": f"{MARK} reason", "mixed": MIXED}[place]
    course = org.with_course(label="v1")
    draft = owner.post(f"/v1/courses/{course}/versions", json={"label": "draft"}).json()["id"]
    job = assign(org, worker, body(course, *party_ids, reason=text), owner)
    last = party_ids[-1]
    assignment = pages(owner, "/v1/assignments", jobId=job["id"], partyId=last)[0]["id"]
    held = schedule(org, org.with_course(label="v1"))
    add(org, held, *party_ids)
    accept(org, held)
    worker.drain(org.id)
    licence = pages(owner, "/v1/licences", sessionId=held, partyId=last)[0]["id"]
    coming = schedule(org, course, startsAt="2099-01-01T08:00:00Z", endsAt="2099-01-01T09:00:00Z", capacity=7)
    add(org, coming, *party_ids)
    return {
        "courseId": course,
        "course_id": course,
        "version_id": draft,
        "job_id": job["id"],
        "party_id": last,
        "assignment_id": assignment,
        "licence_id": licence,
        "session_id": coming,
        "held_session_id": held,
    }


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
    for form in (FORMS + CSV if operation.is_list else FORMS) if operation.method == "GET" else FORMS[:1]:
        yield operation.call(client, ids, entry.query(ids), headers={"Accept": form}, **request)


def problem_of(answer: Any) -> tuple[int, str]:
    """The status and the slug of a refusal."""
    is_problem = answer.headers["content-type"].startswith("application/problem+json")
    return answer.status_code, answer.json()["type"].rpartition(":")[2] if is_problem else ""


def about(world: World) -> dict[str, list[str]]:
    """The rows that quote what is outside, and were there before."""
    ids = [world.places[place][name] for place in ("outside", "mixed") for name in ("session_id", "job_id")]
    return {
        table: [row for row in rows if MARK in row or any(one in row for one in ids)]
        for table, rows in stored(world.org).items()
        if table not in ("job", "job_chunk", "job_outcome", "event")  # a caller may name an outside id in a new job
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
            shown = answer.text.replace(ids["party_id"], "") if entry.kind in ("given", "one") else answer.text
            assert MARK not in shown, f"{operation}: {answer.text[:1000]}"
            if entry.kind == "whole":
                assert problem_of(answer) == (403, "permission-denied"), str(operation)
    with InProcessWorker.open() as worker:
        worker.drain(world.org.id)
    after = about(world)
    assert {table: rows for table, rows in after.items() if rows != before[table]} == {}


def hides(name: str, answer: Any) -> str:
    """The answer without what differs by chance: the id that was given, other ids and times."""
    text = answer.text.replace(name, "ID")
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
    skipped |= {
        "GET /v1/deliveries",
        "GET /v1/deliveries/summary",
        "GET /v1/sweeps",
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


def test_a_job_that_is_partly_outside_shows_the_part_inside(world: World) -> None:
    client, address = world.visitor(["inside"]), f"/v1/jobs/{world.places['mixed']['job_id']}"
    job = client.get(address).json()
    assert (job["counts"]["total"], job["counts"]["succeeded"]) == (1, 1)
    assert MIXED not in str(job)
    assert {"reason", "recipients", "folderIds"} & job["request"].keys() == set()
    assert job["request"]["courseId"] == world.places["mixed"]["courseId"]
    listed = next(one for one in pages(client, "/v1/jobs") if one["id"] == job["id"])
    streamed = client.get(f"{address}/stream").text
    assert listed == job
    assert (MIXED in streamed, '"total":1' in streamed) == (False, True)
    assert [one["entityId"] for one in client.get(f"{address}/results").json()["items"]] == ["in-0"]
    assert len(client.get(f"{address}/results", headers={"Accept": "text/csv"}).text.splitlines()) == 2


def test_jobs_are_listed_for_their_submitter_and_for_folders_that_hold_a_recipient(world: World) -> None:
    jobs = {place: world.places[place]["job_id"] for place in ("inside", "mixed", "outside")}

    def seen(client: TestClient) -> set[str]:
        return {place for place, job in jobs.items() if job in [one["id"] for one in pages(client, "/v1/jobs")]}

    assert seen(world.visitor(["inside"])) == {"inside", "mixed"}
    assert seen(world.visitor(["beside"])) == seen(world.visitor([])) == set()
    assert seen(world.org.client(member="owner", folders=[])) == jobs.keys()
    own = world.org.client(member="owner", folders=[]).get(f"/v1/jobs/{jobs['outside']}").json()
    assert own["counts"]["total"] == 0


def test_sums_count_only_what_is_inside(world: World) -> None:
    client = world.visitor(["inside"])
    session = client.get(f"/v1/sessions/{world.places['mixed']['session_id']}").json()
    assert session["rosterSize"] == 1
    (folder,) = client.get("/v1/assignments/summary?by=folder").json()["items"]
    assert (folder["id"], sum(folder[state] for state in ("assigned", "completed", "closed"))) == ("inside", 3)
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


def test_an_undo_that_did_nothing_is_not_the_undo(org: Org, worker: InProcessWorker) -> None:
    """The party leaves the folders of the manager who undoes before the work: nothing is undone."""
    org.with_parties("in-0", folder="inside")
    job = assign(org, worker, body(org.with_course(), "in-0"))
    manager = org.client(member="manager", folders=["inside"])
    first = manager.post(f"/v1/jobs/{job['id']}/undo").json()
    org.with_parties("in-0", folder="beside")
    worker.drain(org.id)
    assert org.client().get(f"/v1/jobs/{first['id']}").json()["counts"]["failed"] == 1
    second = org.client().post(f"/v1/jobs/{job['id']}/undo")
    assert (second.status_code, second.json()["id"] != first["id"]) == (202, True)
    worker.drain(org.id)
    assert org.client().get(f"/v1/jobs/{second.json()['id']}").json()["counts"]["succeeded"] == 1
    again = org.client().post(f"/v1/jobs/{job['id']}/undo")
    assert (again.json()["id"], again.headers["idempotent-replayed"]) == (second.json()["id"], "true")


def test_a_job_of_assignments_is_visible_to_the_folders_of_their_parties(world: World) -> None:
    """Its recipients are ids of assignments; their parties are stored beside them."""
    ids = [world.places[place]["assignment_id"] for place in ("inside", "outside")]
    job = world.org.client(member="owner").post("/v1/assignments/complete", json={"assignmentIds": ids}).json()
    with InProcessWorker.open() as worker:
        client = world.visitor(["inside"])
        assert (
            client.get(f"/v1/jobs/{job['id']}").json()["counts"] | {"pending": 1, "total": 1}
            == (client.get(f"/v1/jobs/{job['id']}").json()["counts"])
        )
        worker.drain(world.org.id)
    results = client.get(f"/v1/jobs/{job['id']}/results").json()["items"]
    assert [(one["entityId"], one["code"]) for one in results] == [("in-1", "completed")]
    assert problem_of(client.post(f"/v1/jobs/{job['id']}/undo")) == (403, "out-of-scope")


def test_unknown_ids_of_a_job_are_shown_only_to_who_gave_them(world: World) -> None:
    """They may be ids of people outside who were removed since, and tell how many recipients somebody else named."""
    owner, visitor = world.org.client(member="owner-2"), world.visitor(["inside"])
    with InProcessWorker.open() as worker:
        course = world.org.with_course(label="v1")
        job = assign(world.org, worker, body(course, "in-0", f"{MARK}-unknown"), owner)["id"]
    own = world.org.client(member="owner-2", folders=["inside"])
    shown = {client: client.get(f"/v1/jobs/{job}/results").json()["items"] for client in (owner, own, visitor)}
    assert [one["entityId"] for one in shown[visitor]] == ["in-0"]
    assert {one["entityId"] for one in shown[own]} == {"in-0", f"{MARK}-unknown"}
    counts = {client: client.get(f"/v1/jobs/{job}").json()["counts"] for client in shown}
    assert (counts[visitor]["total"], counts[visitor]["failed"]) == (1, 0)
    assert counts[own] == counts[owner]
    assert (counts[owner]["total"], counts[owner]["failed"]) == (2, 1)


def test_the_submitter_with_a_narrower_token_sees_nobody_outside_while_the_job_waits(world: World) -> None:
    """The recipients of a job that a caller without scope submitted may come from folders, not from the caller."""
    course = world.org.with_course(label="v1")
    owner, own = (world.org.client(member="owner-3", folders=folders) for folders in (None, ["inside"]))
    asked_for = {"courseId": course, "folderIds": ["all"], "recipients": [], **REASON}
    job = owner.post("/v1/assignments", json=asked_for).json()["id"]
    try:
        assert owner.get(f"/v1/jobs/{job}").json()["counts"]["pending"] == 5
        counts = own.get(f"/v1/jobs/{job}").json()["counts"]
        assert (counts["total"], counts["pending"]) == (2, 2)
        assert {one["entityId"] for one in own.get(f"/v1/jobs/{job}/results").json()["items"]} == {"in-0", "in-1"}
    finally:
        owner.post(f"/v1/jobs/{job}/cancel").raise_for_status()


def test_ids_that_another_limited_caller_gave_are_not_counted_while_the_job_waits(world: World) -> None:
    course, visitor = world.org.with_course(label="v1"), world.visitor(["inside"])
    giver = world.org.client(member="giver", folders=["inside"])
    given = {"courseId": course, "recipients": recipients("in-0", f"{MARK}-0", f"{MARK}-unknown"), **REASON}
    job = giver.post("/v1/assignments", json=given).json()["id"]
    try:
        counted = {client: client.get(f"/v1/jobs/{job}").json()["counts"]["pending"] for client in (giver, visitor)}
        assert counted == {giver: 3, visitor: 1}
        assert [one["entityId"] for one in visitor.get(f"/v1/jobs/{job}/results").json()["items"]] == ["in-0"]
    finally:
        giver.post(f"/v1/jobs/{job}/cancel")


def test_a_stored_outcome_of_a_party_outside_is_shown_as_that_of_an_unknown_one(world: World) -> None:
    """An undo stores it for a party that has left the folders since, and the former release stored it for others."""
    giver = world.org.client(member="giver-2", folders=["inside"])
    given = {"courseId": world.org.with_course(label="v1"), "recipients": recipients("in-0"), **REASON}
    job = giver.post("/v1/assignments", json=given).json()["id"]
    key = {"org_id": world.org.id, "job_id": uuid.UUID(job), "entity_id": f"{MARK}-0"}
    with world.org.transaction() as db:
        db.execute(insert(JobOutcome).values(**key, outcome="failed", code="out-of-scope"))
        db.commit()
    try:
        results = giver.get(f"/v1/jobs/{job}/results").json()["items"]
        assert {one["entityId"]: one["code"] for one in results}[f"{MARK}-0"] == "party-not-found"
    finally:
        giver.post(f"/v1/jobs/{job}/cancel")
