"""Whatever a job does can be taken back: after its undo assignments, licences and sessions are as they were before.

Acts are a table, so that a new act becomes one more row.
"""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select

from shared import clock
from shared.assignments import Assignment
from shared.jobs import KINDS
from shared.licences import Licence, state_of
from shared.sessions import RosterEntry, TrainingSession
from tests.assignments.asking import assign, body, codes, pages, parties, read_job, recipients
from tests.drain import InProcessWorker
from tests.factories import Org, count_statements
from tests.sessions.sitting import add, problem, roster, schedule

EVERYBODY = parties(6)
NOT_COMPARED = {"revision", "link_epoch", "due_key", "remind_on"}

Act = Callable[[Org, "Ground"], Any]


class Ground:
    """An organization in which each act can do something: a course in two versions, and a session to complete."""

    def __init__(self, org: Org, worker: InProcessWorker, licence_on: str) -> None:
        org.with_parties(*EVERYBODY)
        self.worker, self.course = worker, org.with_course(licenceOn=licence_on)
        self.other = org.with_course()
        assign(org, worker, body(self.course, *EVERYBODY[:-2]))
        self.new = org.publish(self.course, "v2.0")
        assign(org, worker, body(self.course, *EVERYBODY[2:], dueOn="2099-01-01"))
        self.session = schedule(org, self.course)
        add(org, self.session, *EVERYBODY[:-1])
        self.job(org, "/v1/assignments/complete", {"courseId": self.course, "recipients": recipients(*EVERYBODY[5::6])})
        self.job(org, "/v1/assignments/close", {"filter": {"partyId": EVERYBODY[0]}, "reason": "Left"})

    def job(self, org: Org, path: str, sent: dict[str, Any] | None = None) -> dict[str, Any]:
        """Submits a job and works on it. Returns it as it ended."""
        answer = org.client().post(path, json=sent)
        assert answer.status_code == 202, answer.text
        self.worker.drain(org.id)
        return read_job(org, answer.json())


def everything(org: Org, ground: Ground) -> Any:
    return ground.job(org, "/v1/assignments", body(ground.other, *EVERYBODY))


def sign_off(org: Org, ground: Ground) -> Any:
    sent = {"courseId": ground.course, "recipients": recipients(*EVERYBODY), "versions": "newest"}
    return ground.job(org, "/v1/assignments/complete", sent)


def close(org: Org, ground: Ground) -> Any:
    return ground.job(org, "/v1/assignments/close", {"filter": {}, "all": True, "reason": "Not needed"})


def change(org: Org, ground: Ground) -> Any:
    sent = {"set": {"dueOn": "2099-12-31", "reason": "Ship"}, "why": "Late", "filter": {"courseId": ground.course}}
    return ground.job(org, "/v1/assignments/change", sent)


def move(org: Org, ground: Ground) -> Any:
    sent = {"set": {"courseId": ground.other}, "why": "The wrong course", "filter": {"courseId": ground.course}}
    return ground.job(org, "/v1/assignments/change", sent)


def reopen(org: Org, ground: Ground) -> Any:
    return ground.job(org, "/v1/assignments/reopen", {"filter": {"all": True}, "reason": "By mistake"})


def sit(org: Org, ground: Ground) -> Any:
    return ground.job(org, f"/v1/sessions/{ground.session}/complete")


ACTS: dict[str, Act] = {
    "assignments.create": everything,
    "assignments.complete": sign_off,
    "assignments.close": close,
    "assignments.change": change,
    "assignments.change to another course": move,
    "assignments.reopen": reopen,
    "sessions.complete": sit,
}


def test_every_kind_of_job_with_an_undo_is_in_the_table() -> None:
    undoable = {kind.name for kind in KINDS.values() if kind.undo is not None}
    assert {name.split(" ")[0] for name in ACTS} >= undoable


def state(org: Org) -> dict[str, Any]:
    """Assignments that are open or ended, licences that are not revoked, sessions and rosters, each without its id."""
    with org.transaction() as db:
        assignments = sorted(
            (
                str(sorted((k, str(v)) for k, v in vars(one).items() if k[0] != "_" and k not in NOT_COMPARED))
                for one in db.scalars(select(Assignment))
                if not (one.closure_reason or "").startswith("Undo of job")
            ),
        )
        licences = sorted(
            (one.party_id, str(one.course_version_id), state_of(one, clock.now()), one.granted_at, one.expires_at)
            for one in db.scalars(select(Licence).where(Licence.revoked_at.is_(None)))
        )
        sessions = [(one.state, one.completion_job_id, one.completed_at) for one in db.scalars(select(TrainingSession))]
        entries = sorted(
            (one.party_id, one.attendance, one.removed_at, one.amended_at) for one in db.scalars(select(RosterEntry))
        )
    return {"assignments": assignments, "licences": licences, "sessions": sessions, "roster": entries}


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
    assert problem(org.client(folders=["others"]).post(f"/v1/jobs/{done['id']}/undo")) == (404, "not-found")
    accepted = client.post(f"/v1/jobs/{done['id']}/undo")
    assert accepted.status_code == 202
    org.with_parties(*EVERYBODY, folder="others")
    assert problem(client.post(f"/v1/jobs/{done['id']}/undo")) == (404, "not-found")
    worker.drain(org.id)
    assert set(codes(org, accepted.json()).values()) == {"out-of-scope"}
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


def test_a_session_whose_completion_was_undone_is_completed_again_by_a_new_job(
    org: Org, worker: InProcessWorker
) -> None:
    ground = Ground(org, worker, "session")
    first = sit(org, ground)
    ground.job(org, f"/v1/jobs/{first['id']}/undo")
    assert {entry["outcome"] for entry in roster(org, ground.session).values()} == {None}
    second = sit(org, ground)
    assert (second["id"] != first["id"], second["counts"]["succeeded"]) == (True, 5)
    assert {entry["outcome"] for entry in roster(org, ground.session).values()} == {"licensed"}


def test_a_licence_that_was_corrected_since_keeps_the_session_completed(org: Org, worker: InProcessWorker) -> None:
    ground = Ground(org, worker, "session")
    done = sit(org, ground)
    kept = roster(org, ground.session)[EVERYBODY[1]]["licenceId"]
    corrected = {"expiresAt": "2099-01-01T00:00:00Z", "reason": "Typing error"}
    assert org.client().patch(f"/v1/licences/{kept}", json=corrected).status_code == 200
    undone = ground.job(org, f"/v1/jobs/{done['id']}/undo")
    assert codes(org, undone)[EVERYBODY[1]] == "touched-since"
    assert org.client().get(f"/v1/sessions/{ground.session}").json()["state"] == "completed"
    outcomes = {party: entry["outcome"] for party, entry in roster(org, ground.session).items()}
    assert outcomes == dict.fromkeys(EVERYBODY[:5], "removed") | {EVERYBODY[1]: "licensed"}


def test_a_completion_is_not_undone_while_an_amendment_works(org: Org, worker: InProcessWorker) -> None:
    ground = Ground(org, worker, "session")
    done = sit(org, ground)
    sent = {"add": recipients(EVERYBODY[5]), "reason": "Forgotten"}
    assert org.client().post(f"/v1/sessions/{ground.session}/amend", json=sent).status_code == 202
    assert problem(org.client().post(f"/v1/jobs/{done['id']}/undo")) == (409, "cannot-undo")


def amend(org: Org, ground: Ground, member: str = "member-1", **sent: Any) -> dict[str, str]:
    """Amends the session as a member. Returns the code of each party."""
    client = org.client(member=member)
    answer = client.post(f"/v1/sessions/{ground.session}/amend", json={"reason": "The list was wrong", **sent})
    assert answer.status_code == 202, answer.text
    ground.worker.drain(org.id)
    return codes(org, answer.json())


def test_an_amendment_adds_again_whom_an_amendment_removed(org: Org, worker: InProcessWorker) -> None:
    ground = Ground(org, worker, "session")
    sit(org, ground)
    one = recipients(EVERYBODY[2])
    assert amend(org, ground, remove=one) == {EVERYBODY[2]: "removed"}
    assert amend(org, ground, add=one) == {EVERYBODY[2]: "licence-granted"}
    assert roster(org, ground.session)[EVERYBODY[2]]["outcome"] == "licensed"
    with org.transaction() as db:
        of_party = db.scalars(select(Licence).where(Licence.party_id == EVERYBODY[2])).all()
        assert sorted(licence.revoked_at is None for licence in of_party) == [False, True]


def test_after_a_revocation_by_hand_only_another_member_grants_again(org: Org, worker: InProcessWorker) -> None:
    ground = Ground(org, worker, "session")
    sit(org, ground)
    licence = roster(org, ground.session)[EVERYBODY[2]]["licenceId"]
    org.client().post(f"/v1/licences/{licence}/revoke", json={"reason": "He slept"})
    one = recipients(EVERYBODY[2])
    assert amend(org, ground, add=one) == {EVERYBODY[2]: "licence-revoked"}
    assert amend(org, ground, add=one, afterRevocation=True) == {EVERYBODY[2]: "other-member-needed"}
    assert amend(org, ground, "member-2", add=one, afterRevocation=True) == {EVERYBODY[2]: "licence-granted"}
    (told,) = [
        event
        for event in pages(org.client(), "/v1/audit/events", types="licence.granted", limit=500)
        if event["data"].get("revokedBy")
    ]
    assert (told["data"]["revokedBy"]["id"], told["data"]["actor"]["id"]) == ("member-1", "member-2")


def test_a_cancelled_session_is_reinstated_with_its_roster(org: Org, worker: InProcessWorker) -> None:
    ground = Ground(org, worker, "session")
    one = f"/v1/sessions/{ground.session}"
    assert problem(org.client().post(f"{one}/reinstate", json={"reason": "x"})) == (409, "session-not-cancelled")
    org.client().post(f"{one}/cancel", json={"reason": "Storm"})
    answer = org.client().post(f"{one}/reinstate", json={"reason": "It blew over"})
    assert (answer.status_code, answer.json()["state"], answer.json()["rosterSize"]) == (200, "scheduled", 5)


SIZES = (20, 1000)
"""Of parties, each with two assignments: up to 2,000 recipients, in one chunk."""


@pytest.mark.parametrize("act", [name for name in ACTS if name not in ("assignments.create", "assignments.complete")])
def test_an_act_and_its_undo_of_any_size_take_the_same_statements(
    org: Org, worker: InProcessWorker, act: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.jobs.actions.SMALLEST_CHUNK", 2 * max(SIZES))
    counted: list[list[str]] = []
    for size in SIZES:
        monkeypatch.setattr("tests.jobs.test_ways_back.EVERYBODY", parties(size, first=10 * size))
        ground = Ground(org, worker, "completion")
        with count_statements(worker.database.engine) as sent:
            done = ACTS[act](org, ground)
            undone = ground.job(org, f"/v1/jobs/{done['id']}/undo")
        counted.append(sent.sent)
        assert undone["counts"]["failed"] == 0
        org.client().post("/v1/assignments/close", json={"filter": {}, "all": True, "reason": "Next"})
        worker.drain(org.id)
    assert counted[0] == counted[1]
