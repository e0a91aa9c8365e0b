"""Jobs and a token that is limited to folders: which jobs it sees, and which of their recipients and counts.

The matrix of every operation is in `test_scope.py`.
"""

import uuid

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import insert

from api.http.parts import Parts
from shared.jobs import JobOutcome
from tests.assignments.asking import assign, body, pages, recipients
from tests.drain import InProcessWorker
from tests.factories import Org, add_org
from tests.places import MARK, MIXED, World, build
from tests.scoping import REASON, problem_of


@pytest.fixture(scope="module")
def world(app: FastAPI, parts: Parts) -> World:
    """Things inside and outside of a folder."""
    return build(add_org(app, parts))


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
