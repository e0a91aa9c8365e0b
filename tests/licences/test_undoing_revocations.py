"""The undo of a bulk revocation: a new licence like the former one for every party that nobody has licensed since."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from sqlalchemy import select, update

from shared import clock
from shared.access import Permission
from shared.licences import Licence, LicenceDue
from tests.assignments.asking import assign, body, codes, pages, recipients
from tests.drain import InProcessWorker
from tests.factories import Org
from tests.feed import recorded
from tests.jobs.ground import carry_out
from tests.licences.earning import held
from tests.licences.sweeps import sweep
from tests.licences.test_regranting import NEW
from tests.sessions.sitting import completed, problem

CREW = ("crew-1", "crew-2")
REASON = {"reason": "The instructor had no certificate"}
REVOKE = "/v1/licences/revoke"


def revoke_all(org: Org, worker: InProcessWorker, **filters: Any) -> dict[str, Any]:
    """Revoke every licence that fits. Returns the finished job."""
    return carry_out(org, worker, REVOKE, {"filter": filters or {"all": True}, **REASON})


def undo(org: Org, worker: InProcessWorker, job: dict[str, Any]) -> dict[str, Any]:
    """Undo a job. Returns the finished one that undoes it."""
    return carry_out(org, worker, f"/v1/jobs/{job['id']}/undo")


def counting(org: Org, party_id: str) -> list[Licence]:
    """The licences of a party that are neither revoked nor superseded."""
    return [one for one in held(org, party_id) if one.revoked_at is None and one.superseded_at is None]


def test_a_new_licence_is_the_former_one_in_every_column_but_its_own(org: Org, worker: InProcessWorker) -> None:
    completed(org, worker, *CREW)
    job = revoke_all(org, worker)
    undone = undo(org, worker, job)
    assert (undone["kind"], codes(org, undone)) == ("licences.undo", dict.fromkeys(CREW, "licence-granted"))
    with org.transaction() as db:
        table = Licence.__table__
        former, again = db.execute(select(table).where(table.c.party_id == "crew-1").order_by(table.c.id)).mappings()
    compared = [name for name in former if name not in NEW]
    assert {name: again[name] for name in compared} == {name: former[name] for name in compared}
    assert (former["revoked_at"] is None, again["revoked_at"], again["code"] != former["code"]) == (False, None, True)
    results = {one["entityId"]: one["licenceId"] for one in pages(org.client(), f"/v1/jobs/{undone['id']}/results")}
    assert results == {one: str(counting(org, one)[0].id) for one in CREW}


def test_the_event_names_the_former_licence_its_revoker_and_the_job(org: Org, worker: InProcessWorker) -> None:
    completed(org, worker, *CREW)
    job = revoke_all(org, worker)
    answer = org.client(member="second").post(f"/v1/jobs/{job['id']}/undo").json()
    worker.drain(org.id)
    events = recorded(org, "licence.granted")[len(CREW) :]
    assert {one.party_id: one.data["replaces"] for one in events} == {one: str(held(org, one)[0].id) for one in CREW}
    for one in events:
        assert (one.data["undoOf"], one.data["jobId"], one.actor_id) == (job["id"], answer["id"], "second")
        assert one.data["revokedBy"] == {"type": "member", "id": "member-1"}
    (told,) = org.client().get(f"/v1/{events[0].subject.replace('licence', 'licences')}/history").json()["items"]
    assert "second granted the licence again, by undoing the revocation of the former one." in told["text"]


def test_whoever_was_licensed_since_keeps_that_and_is_named(org: Org, worker: InProcessWorker) -> None:
    session = completed(org, worker, *CREW, "crew-3")
    course = counting(org, "crew-1")[0].course_id
    job = revoke_all(org, worker)
    assign(org, worker, body(str(course), "crew-2"))
    sent = {"add": recipients("crew-1"), "afterRevocation": True, **REASON}
    org.client(member="second").post(f"/v1/sessions/{session}/amend", json=sent).raise_for_status()
    worker.drain(org.id)
    preview = org.client().post(f"/v1/jobs/{job['id']}/undo/preview").json()
    undone = undo(org, worker, job)
    expected = {"crew-1": "touched-since", "crew-2": "licence-granted", "crew-3": "licence-granted"}
    assert codes(org, undone) == expected
    assert {name: one["code"] for one in preview["outcomes"] for name in one["examples"]} == expected
    assert [len(counting(org, one)) for one in expected] == [1, 1, 1]
    assert counting(org, "crew-1")[0].job_id != undone["id"]


def test_a_later_licence_of_the_course_is_touched_since_too(org: Org, worker: InProcessWorker) -> None:
    course = org.with_course(licenceOn="completion")
    org.with_parties("crew-1")
    for n in range(2):
        assign(org, worker, body(course, "crew-1"))
        carry_out(org, worker, "/v1/assignments/complete", {"courseId": course, "recipients": recipients("crew-1")})
        if n == 0:
            job = revoke_all(org, worker)
    assert codes(org, undo(org, worker, job)) == {"crew-1": "touched-since"}
    assert len(held(org, "crew-1")) == 2


def test_a_chain_of_renewals_counts_as_before(org: Org, worker: InProcessWorker) -> None:
    """Both licences of a party are revoked, and granted again; then the later one is taken back."""
    course = org.with_course(licenceOn="completion")
    org.with_parties("crew-1")
    for _ in range(2):
        assign(org, worker, body(course, "crew-1"))
        done = carry_out(
            org, worker, "/v1/assignments/complete", {"courseId": course, "recipients": recipients("crew-1")}
        )
    undo(org, worker, revoke_all(org, worker))
    first, second, again_first, again_second = held(org, "crew-1")
    assert (again_first.superseded_at, again_second.superseded_at) == (first.superseded_at, None)
    assert (again_second.renews_id, again_first.superseded_by_id) == (first.id, again_second.id)
    assert second.revoked_at is not None
    undo(org, worker, done)
    assert [one.id for one in counting(org, "crew-1")] == [again_first.id]


def test_what_stood_behind_a_revoked_licence_stands_behind_the_new_one(org: Org, worker: InProcessWorker) -> None:
    """A record that ends earlier is superseded by the licence there is. That one is revoked, and granted again."""
    course = org.with_course(licenceOn="completion")
    org.with_parties("crew-1")
    assign(org, worker, body(course, "crew-1"))
    done = carry_out(org, worker, "/v1/assignments/complete", {"courseId": course, "recipients": recipients("crew-1")})
    today = clock.now().date()
    record = {"partyId": "crew-1", "courseId": course, "completedOn": (today - timedelta(days=90)).isoformat()}
    carry_out(org, worker, "/v1/records", {"records": [record]})
    job = carry_out(org, worker, REVOKE, {"licenceIds": [str(counting(org, "crew-1")[0].id)], **REASON})
    undo(org, worker, job)
    _, behind, again = held(org, "crew-1")
    assert behind.superseded_by_id == again.id
    undo(org, worker, done)
    assert [one.id for one in counting(org, "crew-1")] == [behind.id]


def test_a_record_is_granted_again_with_its_number_and_is_known_to_imports(org: Org, worker: InProcessWorker) -> None:
    org.with_parties("crew-1", "crew-2")
    course, day = org.with_course(), (clock.now().date() - timedelta(days=9)).isoformat()
    shared = {"courseId": course, "completedOn": day}
    sent = {"records": [{"partyId": "crew-1", "number": "K-17", **shared}, {"partyId": "crew-2", **shared}]}
    carry_out(org, worker, "/v1/records", sent)
    org.client().post("/v1/parties/crew-2/erase").raise_for_status()
    undone = undo(org, worker, revoke_all(org, worker))
    assert codes(org, undone) == dict.fromkeys(CREW, "licence-granted")
    again = {one["party"]["entityId"]: one for one in pages(org.client(), "/v1/licences", state="active")}
    assert (again["crew-1"]["number"], again["crew-1"]["source"]) == ("K-17", "record")
    assert again["crew-2"]["number"] is None
    repeated = carry_out(org, worker, "/v1/records", {"records": sent["records"][:1]})
    assert [one["code"] for one in pages(org.client(), f"/v1/jobs/{repeated['id']}/results")] == ["already-recorded"]


def test_what_was_published_of_a_licence_is_not_published_of_the_new_one(org: Org, worker: InProcessWorker) -> None:
    completed(org, worker, *CREW)
    ends = clock.now() + timedelta(days=50)
    with org.transaction() as db:
        db.execute(update(Licence).values(expires_at=ends))
        db.execute(update(Licence).where(Licence.party_id == "crew-2").values(expires_at=clock.now()))
    sweep(org, clock.now())
    published = recorded(org, "licence.expiring", "licence.expired")
    assert [one.party_id for one in published].count("crew-1") == 1
    undo(org, worker, revoke_all(org, worker))
    sweep(org, clock.now())
    assert len(recorded(org, "licence.expiring", "licence.expired")) == len(published)
    with time_machine.travel(clock.now() + timedelta(days=25), tick=False):
        sweep(org, clock.now())
    later = recorded(org, "licence.expiring", "licence.expired")[len(published) :]
    assert [(one.party_id, one.data["daysBefore"]) for one in later] == [("crew-1", 30)]
    with org.transaction() as db:
        due = db.scalars(select(LicenceDue).where(LicenceDue.counts, LicenceDue.expired_at.is_not(None))).all()
    assert len(due) == 1


def test_undoing_needs_what_revoking_needed_and_ends_after_14_days(org: Org, worker: InProcessWorker) -> None:
    completed(org, worker, *CREW)
    job = revoke_all(org, worker)
    manager = org.client(Permission.MANAGE_ASSIGNMENTS, member="manager")
    for path in ("undo", "undo/preview"):
        assert problem(manager.post(f"/v1/jobs/{job['id']}/{path}")) == (403, "permission-denied")
    with time_machine.travel(clock.now() + timedelta(days=15), tick=False):
        assert problem(org.client().post(f"/v1/jobs/{job['id']}/undo")) == (409, "cannot-undo")


def test_an_undo_leaves_out_whoever_left_the_folders_of_the_one_who_undoes(org: Org, worker: InProcessWorker) -> None:
    completed(org, worker, *CREW)
    org.with_parties(*CREW, folder="drill-floor")
    job = revoke_all(org, worker)
    inside = org.client(member="inside", folders=["drill-floor"])
    accepted = inside.post(f"/v1/jobs/{job['id']}/undo")
    assert accepted.status_code == 202, accepted.text
    org.with_parties("crew-2", folder="ashore")
    worker.drain(org.id)
    assert codes(org, accepted.json()) == {"crew-1": "licence-granted", "crew-2": "out-of-scope"}
    assert [len(counting(org, one)) for one in CREW] == [1, 0]


@pytest.mark.parametrize("times", [2])
def test_an_undo_is_made_once(org: Org, worker: InProcessWorker, times: int) -> None:
    completed(org, worker, *CREW)
    job = revoke_all(org, worker)
    made = {undo(org, worker, job)["id"] for _ in range(times)}
    assert len(made) == 1
    assert [len(held(org, one)) for one in CREW] == [2, 2]
