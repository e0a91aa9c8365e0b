"""Whatever a job does can be taken back: after its undo assignments, licences and sessions are as they were before.

Acts are a table, so that a new act becomes one more row.
"""

from typing import Any

import pytest
from fastapi.testclient import TestClient

from shared.jobs import KINDS
from tests.assignments.asking import assign, body, codes, pages, parties
from tests.drain import InProcessWorker
from tests.factories import Org, count_statements
from tests.feed import recorded
from tests.jobs.ground import ACTS, EVERYBODY, Ground, carry_out, close, state
from tests.sessions.sitting import problem

APPROVED = {"parties.merge", "parties.renumber"}
"""Kinds that a second member approves: their undo has tests of its own, in `tests/moving`."""


def test_every_kind_of_job_with_an_undo_is_in_the_table() -> None:
    undoable = {kind.name for kind in KINDS.values() if kind.undo is not None}
    assert {name.split(" ")[0] for name in ACTS} | APPROVED >= undoable


@pytest.mark.parametrize("licence_on", ["completion", "session"])
@pytest.mark.parametrize("act", ACTS)
def test_an_act_and_its_undo_change_nothing(org: Org, worker: InProcessWorker, act: str, licence_on: str) -> None:
    ground = Ground(org, worker, licence_on)
    before = state(org)
    done = ACTS[act](org, ground)
    assert done["counts"]["succeeded"] > 0
    assert state(org) != before
    undone = ground.job(org, f"/v1/jobs/{done['id']}/undo")
    assert undone["counts"]["succeeded"] == undone["counts"]["total"], codes(org, undone)
    assert state(org) == before


@pytest.mark.parametrize("act", ["assignments.close", "assignments.change", "assignments.change to another course"])
def test_an_undo_leaves_what_was_touched_since(org: Org, worker: InProcessWorker, act: str) -> None:
    ground = Ground(org, worker, "session")
    done = ACTS[act](org, ground)
    touched = next(one for one in pages(org.client(), f"/v1/jobs/{done['id']}/results") if one["code"] != "unchanged")
    one = f"/v1/assignments/{touched['assignmentId']}"
    if act == "assignments.change":
        org.client().patch(one, json={"reason": "By hand"})
    else:
        org.client().post(f"{one}/reopen", json={"reason": "By hand"})
    undone = ground.job(org, f"/v1/jobs/{done['id']}/undo")
    results = pages(org.client(), f"/v1/jobs/{undone['id']}/results")
    assert [found["code"] for found in results if found["assignmentId"] == touched["assignmentId"]] == ["touched-since"]


@pytest.mark.parametrize("act", ["assignments.close", "assignments.change", "assignments.change to another course"])
def test_an_undo_by_a_caller_limited_to_folders_needs_all_of_it_and_touches_nobody_who_left_them(
    org: Org, worker: InProcessWorker, act: str
) -> None:
    ground = Ground(org, worker, "session")
    org.with_parties(*EVERYBODY, folder="crew")
    client, before = org.client(member="manager", folders=["crew"]), state(org)
    done = ACTS[act](org, ground)
    after = state(org)
    assert problem(org.client(member="visitor", folders=["others"]).post(f"/v1/jobs/{done['id']}/undo")) == (
        404,
        "not-found",
    )
    accepted = client.post(f"/v1/jobs/{done['id']}/undo")
    assert accepted.status_code == 202
    org.with_parties(*EVERYBODY, folder="others")
    assert problem(client.post(f"/v1/jobs/{done['id']}/undo")) == (404, "not-found")
    worker.drain(org.id)
    results = pages(org.client(), f"/v1/jobs/{accepted.json()['id']}/results")
    assert {one["code"] for one in results} == {"out-of-scope"}
    assert state(org) == after
    ground.job(org, f"/v1/jobs/{done['id']}/undo")
    assert state(org) == before


def test_an_undo_asks_nothing_of_an_archived_course(org: Org, worker: InProcessWorker) -> None:
    ground = Ground(org, worker, "session")
    before = state(org)
    done = close(org, ground)
    org.client().post(f"/v1/courses/{ground.course}/archive")
    ground.job(org, f"/v1/jobs/{done['id']}/undo")
    assert state(org) == before


def test_a_completion_that_stands_again_is_recorded_with_who_minted_its_link_and_its_public_session(
    org: Org, worker: InProcessWorker
) -> None:
    org.with_parties("by-link", "by-session")
    assign(org, worker, body(org.with_course(), "by-link", "by-session"))
    open_ = {one["party"]["entityId"]: one["id"] for one in pages(org.client(), "/v1/assignments")}
    url = org.client().post(f"/v1/assignments/{open_['by-link']}/session-link").json()["url"]
    TestClient(org.app).post(url[url.index("/s/") :])
    task = {"taskType": "training_complete", "assignmentId": open_["by-session"], "sessionId": "public-1"}
    org.client().post("/v1/session-tasks/complete", json=task)
    first = {one.party_id: one.data for one in recorded(org, "assignment.completed")}
    reopened = carry_out(org, worker, "/v1/assignments/reopen", {"filter": {}, "all": True, "reason": "By mistake"})
    carry_out(org, worker, f"/v1/jobs/{reopened['id']}/undo")
    again = {one.party_id: one.data for one in recorded(org, "assignment.completed")[2:]}
    jobs = {"jobId", "undoOf"}
    assert {name: data.keys() & jobs for name, data in again.items()} == dict.fromkeys(open_, jobs)
    about = {"courseId", "courseVersionId"}
    assert {name: without(data, jobs) for name, data in again.items()} == {
        name: without(data, about) for name, data in first.items()
    }
    assert (first["by-link"]["linkMintedBy"], first["by-session"]["publicSessionId"]) == ("member-1", "public-1")


def without(data: dict[str, Any], names: set[str]) -> dict[str, Any]:
    return {name: value for name, value in data.items() if name not in names}


SIZES = (20, 1000)
"""Of parties, each with two assignments: up to 2,000 recipients, in one chunk."""


@pytest.mark.parametrize("act", [name for name in ACTS if name not in ("assignments.create", "assignments.complete")])
def test_an_act_and_its_undo_of_any_size_take_the_same_statements(
    org: Org, worker: InProcessWorker, act: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.jobs.actions.SMALLEST_CHUNK", 2 * max(SIZES))
    counted: list[list[str]] = []
    for size in SIZES:
        monkeypatch.setattr("tests.jobs.ground.EVERYBODY", parties(size, first=10 * size))
        ground = Ground(org, worker, "completion")
        with count_statements(worker.database.engine) as sent:
            done = ACTS[act](org, ground)
            undone = ground.job(org, f"/v1/jobs/{done['id']}/undo")
        counted.append(sent.sent)
        assert undone["counts"]["failed"] == 0
        org.client().post("/v1/assignments/close", json={"filter": {}, "all": True, "reason": "Next"})
        worker.drain(org.id)
    assert counted[0] == counted[1]
