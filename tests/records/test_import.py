"""Importing records: what goes in, what becomes of the other rows, which licence counts, and who is told nothing."""

from datetime import timedelta
from typing import Any

import time_machine

from shared import access, clock
from shared.access import Permission
from tests.assignments.asking import assign, body, deactivate, pages, read_job
from tests.drain import InProcessWorker
from tests.factories import Org
from tests.feed import recorded
from tests.licences.dating import NOW, check, trained
from tests.licences.sweeps import sweep
from tests.records.importing import bring_in, codes, licences, record, results, submit
from tests.traces import stored


def test_a_record_is_a_licence_from_the_day_of_its_training_to_the_end_of_its_last_day(
    oslo: Org, worker: InProcessWorker
) -> None:
    course = oslo.with_course()
    about = {"issuer": "Falck Nutec", "number": "FN-1", "note": "Seen on paper"}
    job = bring_in(oslo, worker, [record("a", course, "2025-06-01", "2027-05-31", **about)])
    assert (job["kind"], job["state"], job["counts"]["succeeded"]) == ("records.import", "succeeded", 1)
    (licence,) = licences(oslo)
    said = {
        name: licence[name] for name in ("source", "issuer", "number", "note", "completedOn", "validFrom", "expiresAt")
    }
    assert said == {
        "source": "record",
        "issuer": "Falck Nutec",
        "number": "FN-1",
        "note": "Seen on paper",
        "completedOn": "2025-06-01",
        "validFrom": "2025-05-31T22:00:00Z",
        "expiresAt": "2027-05-31T22:00:00Z",
    }
    assert (licence["state"], licence["valid"], licence["explanation"]["rule"]) == ("active", True, "recorded")
    assert "as certified by Falck Nutec" in licence["explanation"]["text"]
    (result,) = results(oslo, job).values()
    assert result | {"detail": ""} == {
        "entityId": "a",
        "row": 1,
        "line": None,
        "outcome": "succeeded",
        "code": "recorded",
        "detail": "",
        "assignmentId": None,
        "licenceId": licence["id"],
    }
    (event,) = recorded(oslo, "licence.recorded")
    assert (event.party_id, event.subject) == ("a", f"licence/{licence['id']}")
    assert not {"issuer", "number", "note"} & set(event.data)
    checked = check(oslo, course)
    assert (checked["licensed"], checked["source"], checked["issuer"]) == (True, "record", "Falck Nutec")


def test_a_record_without_an_end_lasts_as_the_policy_of_its_course_says(oslo: Org, worker: InProcessWorker) -> None:
    year = oslo.with_course()
    month = oslo.with_course(licenceMonths=24, licenceEnds="end_of_month")
    none = oslo.with_course(licenceMonths=None)
    job = bring_in(
        oslo,
        worker,
        [record("a", year, "2025-06-15"), record("a", month, "2025-06-15"), record("a", none, "2025-06-15")],
    )
    assert codes(oslo, job) == ["recorded", "recorded", "expiry-needed"]
    ends = {one["courseId"]: one["expiresAt"] for one in licences(oslo)}
    assert ends == {year: "2026-06-14T22:00:00Z", month: "2027-06-30T22:00:00Z"}


def test_of_the_licences_of_a_course_the_one_that_ends_last_counts_whatever_came_first(
    oslo: Org, worker: InProcessWorker
) -> None:
    course = oslo.with_course()
    long, short = record("a", course, "2025-01-01", "2027-12-31"), record("a", course, "2026-01-01", "2026-06-30")
    older, newest = record("a", course, "2020-01-01", "2021-01-01"), record("a", course, "2026-02-01", "2028-01-01")
    for sent in ([short], [long, older], [newest]):
        bring_in(oslo, worker, sent)
    assert [(one["completedOn"], one["state"]) for one in licences(oslo)] == [
        ("2020-01-01", "superseded"),
        ("2025-01-01", "superseded"),
        ("2026-01-01", "superseded"),
        ("2026-02-01", "active"),
    ]
    session = trained(oslo, worker, course)
    assert session["expiresAt"] == "2028-01-01T23:00:00Z"  # nobody loses time by training again
    bring_in(oslo, worker, [record("a", course, "2026-02-03", "2028-01-02")])
    assert check(oslo, course)["expiresAt"] == "2028-01-02T23:00:00Z"


def test_the_same_record_again_is_unchanged_in_one_file_and_in_another(oslo: Org, worker: InProcessWorker) -> None:
    course = oslo.with_course()
    sent = [record("a", course, "2025-06-01"), record("a", course, "2025-06-01", number="2")]
    twice = [*sent, record("a", course, "2025-06-01", number="")]
    first = bring_in(oslo, worker, twice)
    assert codes(oslo, first) == ["recorded", "recorded", "already-recorded"]
    events = len(recorded(oslo, "licence.recorded"))
    again = bring_in(oslo, worker, sent)
    assert (codes(oslo, again), again["counts"]["unchanged"]) == (["already-recorded"] * 2, 2)
    assert len(recorded(oslo, "licence.recorded")) == events == 2
    assert {one["licenceId"] for one in results(oslo, again).values()} == {one["id"] for one in licences(oslo)}


def test_every_row_that_cannot_go_in_fails_alone_and_says_why(oslo: Org, worker: InProcessWorker) -> None:
    course, code = oslo.with_course(code="H2S-01"), {"courseCode": "H2S-01", "completedOn": "2025-01-01"}
    oslo.with_parties("gone")
    oslo.client().post("/v1/parties/gone/erase")
    deactivate(oslo, "b")
    good = record("b", course, "2025-01-01")
    sent: list[Any] = [
        {"partyId": "a", **code},
        record("nobody", course, "2025-01-01"),
        record("a", "00000000-0000-7000-8000-000000000000", "2025-01-01"),
        {"partyId": "a", "courseCode": "H2S-1", "completedOn": "2025-01-01"},
        record("a", course, "2025-01-01", versionLabel="v9"),
        record("a", course, "2026-03-03"),
        record("a", course, "2025-01-01", "2024-12-31"),
        {"partyId": "a b", **code},
        {"partyId": "a", "completedOn": "2025-01-01"},
        record("a", course, "1.1.2025"),
        record("gone", course, "2025-01-01"),
        "a",
        good,
    ]
    job = bring_in(oslo, worker, sent)
    failed = ["course-not-found"] * 2 + ["version-not-found"] + ["invalid-row"] * 5 + ["party-erased", "invalid-row"]
    assert codes(oslo, job) == ["recorded", "party-not-found", *failed, "recorded"]
    details = [one["detail"] for _, one in sorted(results(oslo, job).items())]
    assert details[5] == "completedOn: the day of the training may not lie in the future; today is the latest."
    assert details[6] == "ExpiresOn may not lie before completedOn."
    assert details[9].startswith("completedOn: must be a day")
    assert {one["entityId"] for one in results(oslo, job).values()} == {"a", "b", "gone", "nobody", ""}
    assert job["state"] == "partially_succeeded"


def test_failed_rows_go_in_by_a_retry_once_what_they_lacked_is_there(oslo: Org, worker: InProcessWorker) -> None:
    course = oslo.with_course()
    sent = [record("late", course, "2025-01-01", note="Paper"), record("a", course, "2025-01-01", versionLabel="v0")]
    job = bring_in(oslo, worker, [*sent, record("a", course, "2025-01-01")])
    assert codes(oslo, job) == ["party-not-found", "version-not-found", "recorded"]
    oslo.with_parties("late")
    retired = oslo.client().post(f"/v1/courses/{course}/versions", json={"label": "v0", "retired": True})
    assert (retired.status_code, retired.json()["state"]) == (201, "retired")
    again = oslo.client().post(f"/v1/jobs/{job['id']}/retry").json()
    worker.drain(oslo.id)
    found = results(oslo, again)
    assert {row: one["code"] for row, one in found.items()} == {1: "recorded", 2: "already-recorded"}
    assert licences(oslo, partyId="late")[0]["note"] == "Paper"


def test_a_record_belongs_to_the_version_of_its_day_or_to_one_that_says_it_is_unknown(
    oslo: Org, worker: InProcessWorker
) -> None:
    course = oslo.with_course(label="v1")
    with time_machine.travel(NOW + timedelta(days=10), tick=False):
        oslo.publish(course, "v2")
    days = ["2020-01-01", "2026-03-01", "2026-03-02", "2026-03-12", "2026-03-13"]
    with time_machine.travel(NOW + timedelta(days=20), tick=False):
        job = bring_in(oslo, worker, [record("a", course, day) for day in days])
        assert codes(oslo, job) == ["recorded"] * 5
        labels = {one["completedOn"]: one["versionLabel"] for one in licences(oslo)}
        bring_in(oslo, worker, [record("b", course, "2020-01-01")])
        versions = oslo.client().get(f"/v1/courses/{course}/versions").json()["items"]
    assert labels == dict(zip(days, ["unrecorded", "unrecorded", "v1", "v2", "v2"], strict=True))
    assert sorted((one["label"], one["state"]) for one in versions) == [
        ("unrecorded", "retired"),
        ("v1", "superseded"),
        ("v2", "active"),
    ]
    assert len(recorded(oslo, "course_version.retired")) == 1


def test_a_file_of_unknown_people_makes_no_version(oslo: Org, worker: InProcessWorker) -> None:
    course = oslo.with_course()
    bring_in(oslo, worker, [record("nobody", course, "2020-01-01")])
    assert [one["label"] for one in oslo.client().get(f"/v1/courses/{course}/versions").json()["items"]] == ["v1.0"]


def test_nobody_is_told_of_what_was_over_and_of_a_running_record_only_what_comes_later(
    oslo: Org, worker: InProcessWorker
) -> None:
    course = oslo.with_course(renewBeforeDays=30)
    over = [record("a", course, "2020-01-01", "2021-01-01"), record("b", course, "2025-03-01", "2026-03-01")]
    running = record("c", course, "2025-04-01", "2026-04-20")  # its first notice, 60 days before, has passed
    bring_in(oslo, worker, [*over, running])
    sweep(oslo, clock.now())
    assert not recorded(oslo, "licence.expiring")
    assert not recorded(oslo, "licence.expired")
    with time_machine.travel(NOW + timedelta(days=60), tick=False):
        sweep(oslo, clock.now())
    assert [(one.party_id, one.data["daysBefore"]) for one in recorded(oslo, "licence.expiring")] == [
        ("c", 30),
        ("c", 7),
    ]
    assert [one.party_id for one in recorded(oslo, "licence.expired")] == ["c"]


def test_a_record_that_is_extended_after_its_end_is_told_like_any_other(oslo: Org, worker: InProcessWorker) -> None:
    bring_in(oslo, worker, [record("a", oslo.with_course(), "2025-01-01", "2026-01-01")])
    (licence,) = licences(oslo)
    end = {"expiresAt": "2026-03-20T00:00:00Z", "reason": "Extended"}
    assert oslo.client().patch(f"/v1/licences/{licence['id']}", json=end).status_code == 200
    with time_machine.travel(NOW + timedelta(days=30), tick=False):
        sweep(oslo, clock.now())
    assert len(recorded(oslo, "licence.expired")) == 1


def test_a_record_completes_and_closes_no_assignment_and_counts_for_if_licensed(
    oslo: Org, worker: InProcessWorker
) -> None:
    course = oslo.with_course(licenceOn="completion")
    assign(oslo, worker, body(course, "a"))
    bring_in(oslo, worker, [record("a", course, "2026-01-01"), record("b", course, "2026-01-01")])
    assert [one["state"] for one in pages(oslo.client(), "/v1/assignments")] == ["assigned"]
    job = assign(oslo, worker, body(course, "b", ifLicensed="skip"))
    assert job["counts"]["unchanged"] == 1


def test_no_record_names_the_organization_as_issuer_unless_that_is_confirmed(
    oslo: Org, worker: InProcessWorker
) -> None:
    with oslo.transaction() as db:
        name = access.get_organization(db).name
    course = oslo.with_course()
    own = [record("a", course, "2025-01-01", issuer=one) for one in (f" {name.upper()} ", oslo.id)]
    assert codes(oslo, bring_in(oslo, worker, own)) == ["own-issuer"] * 2
    assert codes(oslo, bring_in(oslo, worker, own[:1], "?confirmOwnIssuer=true")) == ["recorded"]


def test_an_import_above_the_change_limit_waits_for_another_member(oslo: Org, worker: InProcessWorker) -> None:
    oslo.client().put("/v1/settings", json={"changeLimit": 1})
    course = oslo.with_course()
    job = submit(oslo.client(), [record("a", course, "2025-01-01"), record("a", course, "2025-02-01")])
    worker.drain(oslo.id)
    assert job["state"] == "awaiting_approval"
    assert not licences(oslo)
    assert oslo.client().post(f"/v1/jobs/{job['id']}/approve").status_code == 403
    only_manages = oslo.client(Permission.MANAGE_ASSIGNMENTS, member="second")
    assert only_manages.post(f"/v1/jobs/{job['id']}/approve").status_code == 403
    assert oslo.client(member="second").post(f"/v1/jobs/{job['id']}/approve").status_code == 200
    worker.drain(oslo.id)
    assert read_job(oslo, job)["counts"]["succeeded"] == 2


def test_a_rejected_import_leaves_no_row_behind(oslo: Org, worker: InProcessWorker) -> None:
    oslo.client().put("/v1/settings", json={"changeLimit": 0})
    job = submit(oslo.client(), [record("a", oslo.with_course(), "2025-01-01", note="Quillfeather")])
    oslo.client().post(f"/v1/jobs/{job['id']}/reject", json={"reason": "No"})
    assert not stored(oslo)["record_row"]


def test_a_preview_says_what_the_import_does_and_writes_nothing(oslo: Org, worker: InProcessWorker) -> None:
    course = oslo.with_course()
    bring_in(oslo, worker, [record("b", course, "2025-01-01")])
    sent = [record("a", course, "2025-01-01"), record("b", course, "2025-01-01"), record("x", course, "2025-01-01")]
    before = stored(oslo)
    answer = oslo.client(Permission.ADMIN).post("/v1/records/preview", json={"records": [*sent, sent[0]]}).json()
    assert stored(oslo) == before
    found = {
        one["code"]: (one["outcome"], one["count"], [each["row"] for each in one["examples"]])
        for one in answer["outcomes"]
    }
    assert found == {
        "recorded": ("succeeded", 1, [1]),
        "already-recorded": ("unchanged", 2, [2, 4]),
        "party-not-found": ("failed", 1, [3]),
    }
    job = bring_in(oslo, worker, [*sent, sent[0]])
    assert codes(oslo, job) == ["recorded", "already-recorded", "party-not-found", "already-recorded"]
