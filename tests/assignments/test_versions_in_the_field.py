"""Several versions of a course are in the field at once: sign-off by course, sessions, and what newer ones satisfy."""

from datetime import timedelta
from typing import Any

import pytest

from shared import clock
from tests.assignments.asking import assign, body, codes, counted, pages, parties, read_job, recipients
from tests.drain import InProcessWorker
from tests.factories import Org
from tests.feed import recorded
from tests.licences.earning import grant
from tests.sessions.sitting import add, amend, complete, pointers, schedule, sitting


def sign_off(org: Org, worker: InProcessWorker, course: str, *party_ids: str, **fields: Any) -> dict[str, Any]:
    """Signs off a course for these parties. Returns the finished job."""
    sent = {"courseId": course, "recipients": recipients(*party_ids), **fields}
    answer = org.client().post("/v1/assignments/complete", json=sent)
    assert answer.status_code == 202, answer.text
    worker.drain(org.id)
    return read_job(org, answer.json())


def states(org: Org, party_id: str) -> dict[str, str]:
    """The state of a party's assignments, by the version's label."""
    return {one["versionLabel"]: one["state"] for one in pages(org.client(), "/v1/assignments", partyId=party_id)}


@pytest.fixture
def course(org: Org, worker: InProcessWorker) -> str:
    """A course of which v2.1 was assigned to two parties, and then v3.0 published and assigned to the second one."""
    org.with_parties(*parties(3))
    course_id = org.with_course(label="v2.1")
    assign(org, worker, body(course_id, *parties(2)))
    org.publish(course_id, "v3.0")
    assign(org, worker, body(course_id, *parties(1, first=1)))
    return course_id


def test_a_sign_off_by_course_completes_the_version_that_each_party_owes(
    org: Org, worker: InProcessWorker, course: str
) -> None:
    job = sign_off(org, worker, course, *parties(3))
    assert codes(org, job) == {
        "party-00000": "completed",
        "party-00001": "several-open-versions",
        "party-00002": "not-assigned",
    }
    (several,) = [one for one in pages(org.client(), f"/v1/jobs/{job['id']}/results") if "several" in one["code"]]
    assert ("v2.1" in several["detail"], "v3.0" in several["detail"]) == (True, True)
    assert states(org, "party-00001") == {"v2.1": "assigned", "v3.0": "assigned"}


@pytest.mark.parametrize("satisfies", [True, False])
def test_a_sign_off_of_the_newest_version_closes_the_others(
    org: Org, worker: InProcessWorker, course: str, satisfies: bool
) -> None:
    org.client().patch(f"/v1/courses/{course}", json={"newerSatisfies": satisfies})
    job = sign_off(org, worker, course, *parties(2), versions="newest")
    assert job["counts"]["succeeded"] == 2
    assert states(org, "party-00001") == {"v2.1": "closed", "v3.0": "completed"}


def test_a_completion_closes_open_older_versions_and_taking_it_back_reopens_them(
    org: Org, worker: InProcessWorker, course: str
) -> None:
    old, new = sorted(
        pages(org.client(), "/v1/assignments", partyId="party-00001"), key=lambda one: one["versionLabel"]
    )
    org.client().post(f"/v1/assignments/{new['id']}/complete", json={})
    closed = org.client().get(f"/v1/assignments/{old['id']}").json()
    assert (closed["state"], closed["completion"], "v3.0" in closed["closure"]["reason"]) == ("closed", None, True)
    assert len(recorded(org, "assignment.completed")) == 1
    org.client().post(f"/v1/assignments/{new['id']}/reopen", json={"reason": "By mistake"})
    assert states(org, "party-00001") == {"v2.1": "assigned", "v3.0": "assigned"}


def test_the_older_version_completes_nothing_of_the_newer_one(org: Org, worker: InProcessWorker, course: str) -> None:
    old = min(pages(org.client(), "/v1/assignments", partyId="party-00001"), key=lambda one: str(one["versionLabel"]))
    org.client().post(f"/v1/assignments/{old['id']}/complete", json={})
    assert states(org, "party-00001") == {"v2.1": "completed", "v3.0": "assigned"}


def test_a_completion_closes_older_versions_and_leaves_newer_ones_open(
    org: Org, worker: InProcessWorker, course: str
) -> None:
    org.publish(course, "v4.0")
    assign(org, worker, body(course, "party-00001"))
    middle = next(one for one in pages(org.client(), "/v1/assignments") if one["versionLabel"] == "v3.0")
    org.client().post(f"/v1/assignments/{middle['id']}/complete", json={})
    assert states(org, "party-00001") == {"v2.1": "closed", "v3.0": "completed", "v4.0": "assigned"}


def test_a_course_may_leave_older_versions_open(org: Org, worker: InProcessWorker, course: str) -> None:
    assert org.client().get(f"/v1/courses/{course}").json()["newerSatisfies"] is True
    org.client().patch(f"/v1/courses/{course}", json={"newerSatisfies": False})
    new = max(pages(org.client(), "/v1/assignments", partyId="party-00001"), key=lambda one: str(one["versionLabel"]))
    org.client().post(f"/v1/assignments/{new['id']}/complete", json={})
    assert states(org, "party-00001") == {"v2.1": "assigned", "v3.0": "completed"}


def test_a_session_closes_older_versions_also_without_an_assignment_of_its_own(
    org: Org, worker: InProcessWorker, course: str
) -> None:
    session_id = schedule(org, course)
    add(org, session_id, "party-00000")
    complete(org, worker, session_id)
    assert states(org, "party-00000") == {"v2.1": "closed"}
    amend(org, worker, session_id, remove=("party-00000",))
    assert states(org, "party-00000") == {"v2.1": "assigned"}


def test_a_session_is_bound_to_an_older_version_for_those_who_owe_it(
    org: Org, worker: InProcessWorker, course: str
) -> None:
    versions = {one["label"]: one["id"] for one in pages(org.client(), f"/v1/courses/{course}/versions")}
    session_id = schedule(org, course, courseVersionId=versions["v2.1"])
    add(org, session_id, *parties(2))
    complete(org, worker, session_id)
    assert states(org, "party-00000") == {"v2.1": "completed"}
    assert states(org, "party-00001") == {"v2.1": "completed", "v3.0": "assigned"}


def test_no_session_is_bound_to_a_draft_or_to_a_version_of_another_course(org: Org, course: str) -> None:
    draft = org.client().post(f"/v1/courses/{course}/versions", json={"label": "v4"}).json()["id"]
    (other,) = pages(org.client(), f"/v1/courses/{org.with_course()}/versions")
    for version in (draft, other["id"]):
        answer = org.client().post("/v1/sessions", json=sitting(course, courseVersionId=version))
        assert pointers(answer) == ["/courseVersionId"]


def test_a_submission_may_leave_out_who_holds_a_licence(org: Org, worker: InProcessWorker) -> None:
    org.with_parties(*parties(2))
    course_id = org.with_course()
    grant(org, course_id, "party-00000", at=clock.now())
    asked = body(course_id, *parties(2), ifLicensed="skip")
    expected = {"party-00000": "already-licensed", "party-00001": "created"}
    preview = org.client().post("/v1/assignments/preview", json=asked).json()
    assert {code["examples"][0]: code["code"] for code in preview["outcomes"]} == expected
    job = assign(org, worker, asked)
    assert (codes(org, job), job["counts"]["unchanged"]) == (expected, 1)


def test_a_licence_that_has_ended_leaves_nobody_out(org: Org, worker: InProcessWorker) -> None:
    org.with_parties(*parties(1))
    course_id = org.with_course(licenceMonths=1)
    grant(org, course_id, "party-00000", at=clock.now() - timedelta(days=60))
    job = assign(org, worker, body(course_id, *parties(1), ifLicensed="skip"))
    assert codes(org, job) == {"party-00000": "created"}


BULK: dict[str, dict[str, Any]] = {
    "change": {"set": {"dueOn": "2099-12-31"}, "why": "The ship is late"},
    "reopen": {"reason": "By mistake"},
    "remind": {},
    "close": {"reason": "Left"},
}


@pytest.mark.parametrize("act", BULK)
def test_a_preview_counts_what_the_job_then_does(org: Org, worker: InProcessWorker, course: str, act: str) -> None:
    sign_off(org, worker, course, "party-00000")
    sent = {"filter": {"courseId": course, "state": "assigned"}} | BULK[act]
    ended = {"filter": {"courseId": course, "state": "completed"}} | BULK[act]
    for selected in (sent, ended):
        preview = org.client().post(f"/v1/assignments/{act}/preview", json=selected).json()
        answer = org.client().post(f"/v1/assignments/{act}", json=selected)
        worker.drain(org.id)
        found = counted(one["code"] for one in pages(org.client(), f"/v1/jobs/{answer.json()['id']}/results"))
        assert {one["code"]: one["count"] for one in preview["outcomes"]} == found


@pytest.mark.parametrize("act", BULK)
def test_an_empty_filter_needs_a_word_for_all_and_a_misspelt_one_is_refused(org: Org, act: str) -> None:
    refusals: list[dict[str, Any]] = [{"filter": {}}, {"filter": {"courseID": "x"}}, {"filter": {"q": "x"}}, {}]
    for refused in refusals:
        answer = org.client().post(f"/v1/assignments/{act}", json=BULK[act] | refused)
        assert answer.status_code == 422, answer.text


def test_a_reminder_is_told_for_each_open_assignment(org: Org, worker: InProcessWorker, course: str) -> None:
    answer = org.client().post("/v1/assignments/remind", json={"filter": {"partyId": "party-00001"}})
    worker.drain(org.id)
    assert read_job(org, answer.json())["counts"]["succeeded"] == 2
    assert [event.party_id for event in recorded(org, "assignment.reminded")] == ["party-00001"] * 2


def test_a_bulk_change_acts_on_the_part_that_the_caller_sees(org: Org, worker: InProcessWorker, course: str) -> None:
    org.client().put("/v1/folders/crew", json={"name": "Crew", "partyIds": ["party-00000"]})
    client = org.client(folders=["crew"])
    sent = {"filter": {"courseId": course}} | BULK["change"]
    answer = client.post("/v1/assignments/change", json=sent)
    worker.drain(org.id)
    assert read_job(org, answer.json())["counts"]["total"] == 1


def test_a_party_outside_the_scope_with_several_open_versions_is_not_found(
    org: Org, worker: InProcessWorker, course: str
) -> None:
    org.client().put("/v1/folders/crew", json={"name": "Crew", "partyIds": ["party-00000"]})
    client = org.client(folders=["crew"])
    for versions in ("one", "newest"):
        sent = {"courseId": course, "recipients": recipients("party-00001", "unknown"), "versions": versions}
        job = client.post("/v1/assignments/complete", json=sent).json()
        worker.drain(org.id)
        assert codes(org, job) == dict.fromkeys(("party-00001", "unknown"), "party-not-found")
    assert states(org, "party-00001") == {"v2.1": "assigned", "v3.0": "assigned"}
