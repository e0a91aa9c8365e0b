"""The steps of `test_young.py`: what happens to an organization, with a step for each kind of job."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from shared import clock
from shared.services import sweeps
from tests.assignments.asking import body, parties, read_job, recipients
from tests.drain import InProcessWorker
from tests.events.scenario import ok
from tests.factories import Org
from tests.licences.sweeps import FEATURES
from tests.sessions import sitting

CREW = "crew"


@dataclass(frozen=True)
class Young:
    """An organization in a database without statistics of it, with all that the steps have made. size: its parties."""

    org: Org
    worker: InProcessWorker
    size: int
    ids: dict[str, str] = field(default_factory=dict)

    @property
    def named(self) -> list[dict[str, str]]:
        """Returns its parties as recipients."""
        return recipients(*parties(self.size))

    @property
    def of_course(self) -> dict[str, Any]:
        """Returns a selection of the course's assignments."""
        return {"filter": {"courseId": self.ids["course_id"]}}

    def post(self, path: str, **asked: Any) -> dict[str, Any]:
        """Submit a job, work on it and return it. All of it must have succeeded."""
        job: dict[str, Any] = ok(self.org.client().post(path, json=asked))
        self.worker.drain(self.org.id)
        job = read_job(self.org, job)
        assert job["counts"]["succeeded"] + job["counts"]["unchanged"] == self.size, job
        return job


def put_parties(young: Young) -> None:
    """Put the parties and their folder into the directory, and make a course that licenses on completion."""
    rows = [{"entityId": one, "displayName": f"Party {one}", "folders": [CREW]} for one in parties(young.size)]
    ok(young.org.client().put("/v1/parties", json={"parties": rows}))
    ok(young.org.client().put(f"/v1/folders/{CREW}", json={"name": "Crew", "partyIds": parties(young.size)}))
    young.ids.update({"course_id": young.org.with_course(licenceOn="completion", renewBeforeDays=30)})
    hook = ok(young.org.client().post("/v1/webhooks", json={"url": "https://93.184.216.34/", "types": []}))
    young.ids.update({"webhook_id": hook["id"], "party_id": parties(1)[0], "folder_id": CREW})


def assign(young: Young) -> None:
    """Assign a course to all."""
    young.ids["job_id"] = young.post("/v1/assignments", **body(young.ids["course_id"], *parties(young.size)))["id"]


def complete(young: Young) -> None:
    """Complete the assignments, which grants licences."""
    asked = {"courseId": young.ids["course_id"], "recipients": young.named, "occurredOn": "2026-03-02"}
    young.ids["completion"] = young.post("/v1/assignments/complete", **asked)["id"]


def assign_again(young: Young) -> None:
    """Assign the course to all who have not completed it: to nobody."""
    asked = body(young.ids["course_id"], *parties(young.size)) | {"ifCompleted": "skip"}
    young.post("/v1/assignments", **asked)


def undo(young: Young) -> None:
    """Take the completions back, with their licences."""
    young.post(f"/v1/jobs/{young.ids['completion']}/undo")


def change(young: Young) -> None:
    """Change the due date of all assignments."""
    young.post("/v1/assignments/change", **young.of_course, set={"dueOn": "2099-06-30"}, why="Postponed")


def remind(young: Young) -> None:
    """Remind all parties."""
    young.post("/v1/assignments/remind", **young.of_course)


def close(young: Young) -> None:
    """Close the assignments."""
    young.ids["closing"] = young.post("/v1/assignments/close", **young.of_course, reason="Cancelled")["id"]


def undo_closing(young: Young) -> None:
    """Put back what closing found."""
    young.post(f"/v1/jobs/{young.ids['closing']}/undo")


def complete_again(young: Young) -> None:
    """Sign the course off again, by course alone, which grants licences."""
    asked = {"courseId": young.ids["course_id"], "folderIds": [CREW], "versions": "newest"}
    young.post("/v1/assignments/complete", **asked)


def reopen(young: Young) -> None:
    """Reopen the completed assignments, which takes the licences back."""
    asked = {"filter": {"courseId": young.ids["course_id"], "state": "completed"}, "reason": "The wrong list"}
    young.ids["reopening"] = young.post("/v1/assignments/reopen", **asked)["id"]


def undo_reopening(young: Young) -> None:
    """Complete the assignments again as they were, which grants the licences again."""
    young.post(f"/v1/jobs/{young.ids['reopening']}/undo")


def move(young: Young) -> None:
    """Assign another course, skipping nobody, and move all to a third one."""
    course, other = young.org.with_course(), young.org.with_course()
    young.post("/v1/assignments", **body(course, *parties(young.size)), ifLicensed="skip")
    young.ids["move"] = young.post(
        "/v1/assignments/change", filter={"courseId": course}, set={"courseId": other}, why="Merged"
    )["id"]


def undo_move(young: Young) -> None:
    """Move all back."""
    young.post(f"/v1/jobs/{young.ids['move']}/undo")


def revoke(young: Young) -> None:
    """Revoke all licences of the course."""
    asked = {"filter": young.of_course["filter"], "reason": "The instructor had no certificate"}
    young.ids["revocation"] = young.post("/v1/licences/revoke", **asked)["id"]


def undo_revoking(young: Young) -> None:
    """Grant the licences again."""
    young.post(f"/v1/jobs/{young.ids['revocation']}/undo")


def add_to_roster(young: Young) -> None:
    """Put all on the roster of a session."""
    young.ids["session_id"] = sitting.schedule(young.org, young.ids["course_id"])
    sitting.add(young.org, young.ids["session_id"], *parties(young.size))


def complete_session(young: Young) -> None:
    """Complete the session, which licenses all."""
    young.ids["sitting"] = young.post(f"/v1/sessions/{young.ids['session_id']}/complete")["id"]


def undo_session(young: Young) -> None:
    """Take the completion of the session back, which restores the former licences."""
    young.post(f"/v1/jobs/{young.ids['sitting']}/undo")


def renew(young: Young) -> None:
    """Complete a second session, which renews every licence."""
    add_to_roster(young)
    complete_session(young)


def amend_session(young: Young) -> None:
    """Take all off the second session, which restores the former licences."""
    young.post(f"/v1/sessions/{young.ids['session_id']}/amend", remove=young.named, reason="Another day's list")


def import_records(young: Young) -> None:
    """Import a record of each party, half of which end before the licences that count."""
    ends = ("2026-01-01", "2098-01-01")
    about = {"courseId": young.ids["course_id"], "completedOn": "2025-01-01"}
    rows = [about | {"partyId": one, "expiresOn": ends[n % 2]} for n, one in enumerate(parties(young.size))]
    young.ids["import"] = young.post("/v1/records", records=rows)["id"]


def undo_import(young: Young) -> None:
    """Take the records out, which lets the former licences count again."""
    young.post(f"/v1/jobs/{young.ids['import']}/undo")


def pack(young: Young) -> None:
    """Make a pack about everybody; the test knows no limit of people."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("shared.services.packs.MOST_PEOPLE", young.size)
        made = young.post("/v1/packs", filter={"folderIds": [CREW]}, on=clock.now().date().isoformat())
    young.ids["pack_id"] = made["request"]["packId"]


def merge(young: Young) -> None:
    """Merge a party with another one, by two members."""
    young.ids["merge"] = _moved(young, "merge", into=parties(2)[1])


def undo_merge(young: Young) -> None:
    """Take the two apart again."""
    _done(young, young.org.client().post(f"/v1/jobs/{young.ids['merge']}/undo"))


def renumber(young: Young) -> None:
    """Give a party another id, by two members."""
    young.ids["renumbering"] = _moved(young, "renumber", entityId="renumbered")


def undo_renumbering(young: Young) -> None:
    """Give it back the id that it had."""
    _done(young, young.org.client().post(f"/v1/jobs/{young.ids['renumbering']}/undo"))


def _moved(young: Young, act: str, **asked: str) -> str:
    first = parties(1)[0]
    job = ok(young.org.client().post(f"/v1/parties/{first}/{act}", json={"reason": "Entered twice", **asked}))
    _done(young, young.org.client(member="member-2").post(f"/v1/jobs/{job['id']}/approve"))
    return str(job["id"])


def _done(young: Young, answer: Any) -> None:
    """Work on a job of one party, which must succeed."""
    job = ok(answer)
    young.worker.drain(young.org.id)
    assert read_job(young.org, job)["counts"]["succeeded"] == 1, job


def plan(young: Young) -> None:
    """Plan the deliveries of all events."""
    young.worker.deliver("deliveries.plan")
    young.worker.messages.clear()


def sweep(young: Young) -> None:
    """Publish the notices of all licences, and assign the course to all whose licence ends soon."""
    with young.org.transaction() as db:
        db.connection().exec_driver_sql("UPDATE licence SET expires_at = now() + interval '20 days'")
    for _ in range(20):
        with young.worker.database.transaction(young.org.id) as db:
            if sweeps.take_step(db, FEATURES, 2, clock.now()) is sweeps.Step.DONE:
                break
    young.worker.drain(young.org.id)


STEPS: dict[Callable[[Young], None], str | None] = {
    put_parties: None,
    assign: "assignments.create",
    complete: "assignments.complete",
    assign_again: "assignments.create",
    undo: "assignments.undo",
    change: "assignments.change",
    remind: "assignments.remind",
    close: "assignments.close",
    undo_closing: "assignments.undo",
    complete_again: "assignments.complete",
    revoke: "licences.revoke",
    undo_revoking: "licences.undo",
    reopen: "assignments.reopen",
    undo_reopening: "assignments.undo",
    move: "assignments.change",
    undo_move: "assignments.undo",
    add_to_roster: None,
    complete_session: "sessions.complete",
    undo_session: "sessions.undo",
    renew: "sessions.complete",
    amend_session: "sessions.amend",
    import_records: "records.import",
    undo_import: "records.undo",
    pack: "packs.make",
    merge: "parties.merge",
    undo_merge: "parties.undo",
    renumber: "parties.renumber",
    undo_renumbering: "parties.undo",
    plan: None,
    sweep: None,
}
"""What happens to an organization, in this order, with the kind of job that a step runs."""
