"""An organization in which each kind of job can do something, the acts, and the state that their undo restores."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import select

from shared import clock
from shared.assignments import Assignment
from shared.licences import Licence, state_of
from shared.sessions import RosterEntry, TrainingSession
from tests.assignments.asking import assign, body, parties, read_job, recipients
from tests.drain import InProcessWorker
from tests.factories import Org
from tests.sessions.sitting import add, schedule

EVERYBODY = parties(6)
NOT_COMPARED = {"revision", "link_epoch", "due_key", "remind_on"}

Act = Callable[[Org, "Ground"], Any]


def carry_out(org: Org, worker: InProcessWorker, path: str, sent: dict[str, Any] | None = None) -> dict[str, Any]:
    """Submits a job and works on it. Returns it as it ended."""
    answer = org.client().post(path, json=sent)
    assert answer.status_code == 202, answer.text
    worker.drain(org.id)
    return read_job(org, answer.json())


class Ground:
    """An organization in which each act can do something: a course in two versions, a session to complete, licences."""

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
        held = {"courseId": self.other, "completedOn": "2026-01-04"}
        self.job(org, "/v1/records", {"records": [{"partyId": one, **held} for one in EVERYBODY[:3]]})

    def job(self, org: Org, path: str, sent: dict[str, Any] | None = None) -> dict[str, Any]:
        """Submits a job and works on it. Returns it as it ended."""
        return carry_out(org, self.worker, path, sent)


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


def bring_in(org: Org, ground: Ground) -> Any:
    records = [{"partyId": one, "courseId": ground.course, "completedOn": "2026-01-05"} for one in EVERYBODY]
    return ground.job(org, "/v1/records", {"records": records})


def revoke(org: Org, ground: Ground) -> Any:
    return ground.job(org, "/v1/licences/revoke", {"filter": {"all": True}, "reason": "By mistake"})


ACTS: dict[str, Act] = {
    "assignments.create": everything,
    "assignments.complete": sign_off,
    "assignments.close": close,
    "assignments.change": change,
    "assignments.change to another course": move,
    "assignments.reopen": reopen,
    "licences.revoke": revoke,
    "records.import": bring_in,
    "sessions.complete": sit,
}


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
