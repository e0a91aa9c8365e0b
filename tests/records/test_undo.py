"""An undone import: its records are taken out as if they had never been, unless somebody has touched them since."""

from datetime import timedelta

import time_machine

from shared.access import Permission
from tests.assignments.links import anybody
from tests.drain import InProcessWorker
from tests.factories import Org
from tests.feed import recorded
from tests.licences.dating import NOW, check, reason, trained
from tests.records.importing import bring_in, codes, licences, record, results, undo


def test_an_undone_import_leaves_everything_as_it_was(oslo: Org, worker: InProcessWorker) -> None:
    course = oslo.with_course()
    trained(oslo, worker, course)
    before = licences(oslo)
    days = ("2020-06-01", "2026-03-01", "2026-03-05", "2027-03-05", "2028-01-01")
    said = [check(oslo, course, day) for day in days]
    sent = [record("a", course, "2020-01-01"), record("a", course, "2025-01-01", "2028-12-31")]
    job = bring_in(oslo, worker, [*sent, record("b", course, "2025-01-01", "2028-12-31")])
    assert [reason(oslo, course, day) for day in days] == ["valid"] * 5
    with time_machine.travel(NOW + timedelta(days=1), tick=False):
        undoing = undo(oslo, worker, job)
        assert (undoing["kind"], undoing["counts"]["succeeded"], undoing["state"]) == ("records.undo", 3, "succeeded")
        after = licences(oslo)
        assert [check(oslo, course, day) for day in days] == said
    assert [one | {"explanation": None} for one in after] == [one | {"explanation": None} for one in before]
    assert len(recorded(oslo, "licence.record_undone")) == 3
    assert [one.subject for one in recorded(oslo, "licence.restored")] == [f"licence/{before[0]['id']}"]


def test_records_that_were_taken_out_are_found_nowhere_and_can_come_again(oslo: Org, worker: InProcessWorker) -> None:
    course = oslo.with_course()
    job = bring_in(oslo, worker, [record("a", course, "2026-01-01")])
    (licence,) = licences(oslo)
    undo(oslo, worker, job)
    address = f"/v1/licences/{licence['id']}"
    assert oslo.client().get(address).status_code == 404
    assert oslo.client().post(f"{address}/revoke", json={"reason": "Why"}).status_code == 404
    assert oslo.client().get(f"{address}/certificate").status_code == 404
    assert anybody(oslo).get(f"/verify/{licence['code']}").status_code == 404
    assert check(oslo, course)["reason"] == "never-licensed"
    assert codes(oslo, bring_in(oslo, worker, [record("a", course, "2026-01-01")])) == ["recorded"]


def test_a_record_that_somebody_has_touched_stays(oslo: Org, worker: InProcessWorker) -> None:
    revoked, corrected, renewed, left = (oslo.with_course() for _ in range(4))
    job = bring_in(oslo, worker, [record("a", each, "2026-01-01") for each in (revoked, corrected, renewed, left)])
    ids = {one["courseId"]: one["id"] for one in licences(oslo)}
    admin = oslo.client(Permission.ADMIN)
    assert admin.post(f"/v1/licences/{ids[revoked]}/revoke", json={"reason": "Forged"}).status_code == 200
    assert admin.patch(f"/v1/licences/{ids[corrected]}", json={"note": "Seen", "reason": "Seen"}).status_code == 200
    trained(oslo, worker, renewed)
    undoing = undo(oslo, worker, job)
    assert [one["code"] for _, one in sorted(results(oslo, undoing).items())] == [
        *["touched-since"] * 3,
        "record-undone",
    ]
    assert (undoing["counts"]["unchanged"], undoing["counts"]["succeeded"]) == (3, 1)
    assert {one["courseId"] for one in licences(oslo)} == {revoked, corrected, renewed}


def test_imports_can_be_undone_in_any_order(oslo: Org, worker: InProcessWorker) -> None:
    course = oslo.with_course()
    trained(oslo, worker, course)  # ends in March 2027
    jobs = []
    for n, end in enumerate(("2028-01-01", "2027-06-01", "2029-01-01", "2027-09-01")):
        with time_machine.travel(NOW + timedelta(days=n + 1), tick=False):
            jobs.append(bring_in(oslo, worker, [record("a", course, "2026-02-01", end, number=str(n))]))
    with time_machine.travel(NOW + timedelta(days=9), tick=False):
        for place, end in ((0, "2029"), (2, "2027-09"), (3, "2027-06"), (1, "2027-03")):
            assert undo(oslo, worker, jobs[place])["counts"]["succeeded"] == 1
            assert check(oslo, course)["expiresAt"].startswith(end if "-" in end else "2029-01-01"), place


def test_what_a_record_had_superseded_has_counted_until_the_next_one_came(oslo: Org, worker: InProcessWorker) -> None:
    course = oslo.with_course()
    trained(oslo, worker, course)
    with time_machine.travel(NOW + timedelta(days=1), tick=False):
        first = bring_in(oslo, worker, [record("a", course, "2026-03-03", "2028-01-01")])
    with time_machine.travel(NOW + timedelta(days=10), tick=False):
        bring_in(oslo, worker, [record("a", course, "2026-03-11", "2029-01-01")])
    with time_machine.travel(NOW + timedelta(days=13), tick=False):
        undo(oslo, worker, first)
        at_that_time = check(oslo, course, "2026-03-08")
        assert (at_that_time["reason"], at_that_time["source"]) == ("valid", "session")
        assert check(oslo, course, "2026-03-14")["source"] == "record"


def test_taking_a_session_back_lets_the_record_count_that_it_outlasted(oslo: Org, worker: InProcessWorker) -> None:
    course = oslo.with_course()
    session = trained(oslo, worker, course)
    bring_in(oslo, worker, [record("a", course, "2026-02-01", "2027-01-01")])
    assert [one["state"] for one in licences(oslo)] == ["superseded", "active"]
    body = {"remove": [{"entityType": "party", "entityId": "a"}], "reason": "Absent"}
    oslo.client().post(f"/v1/sessions/{session['sessionId']}/amend", json=body)
    worker.drain(oslo.id)
    checked = check(oslo, course)
    assert (checked["licensed"], checked["source"], checked["expiresAt"]) == (True, "record", "2027-01-01T23:00:00Z")
