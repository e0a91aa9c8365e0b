"""The rules for a submission: a refusal names the wrong field, and days are those of the organization's time zone."""

from typing import Any

import pytest
import time_machine
from fastapi import FastAPI

from api.http.parts import Parts
from shared.assignments import MAX_RECIPIENTS
from tests.assignments.asking import assign, body, pages, recipients, submit
from tests.drain import InProcessWorker
from tests.factories import Org, add_org

Asked = tuple[Org, dict[str, Any]]
"""An organization, and a submission that would be accepted there."""

ADDRESSES = ["/v1/assignments", "/v1/assignments/preview"]


@pytest.fixture(scope="module")
def asked(app: FastAPI, parts: Parts) -> Asked:
    """An organization with a published course. No test submits a job there."""
    org = add_org(app, parts)
    return org, body(org.with_course(), "party-1")


def refused(org: Org, address: str, asked: dict[str, Any]) -> dict[str, Any]:
    """Submits, and expects a refusal that writes nothing. Returns the problem document."""
    answer = org.client().post(address, json=asked)
    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert pages(org.client(), "/v1/jobs") == []
    problem: dict[str, Any] = answer.json()
    return problem


def pointers(problem: dict[str, Any]) -> list[str]:
    """The fields that a problem document names."""
    return [error["pointer"] for error in problem["errors"]]


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"courseId": "h2s"}, "/courseId"),
        ({"courseId": None}, "/courseId"),
        ({"courseId": "01990000-0000-7000-8000-000000000000"}, "/courseId"),
        ({"recipients": []}, ""),
        ({"recipients": [], "folderIds": []}, ""),
        ({"recipients": None}, "/recipients"),
        ({"recipients": "party-1"}, "/recipients"),
        ({"recipients": ["party-1"]}, "/recipients/0"),
        ({"recipients": [{"entityId": "party-1"}]}, "/recipients/0/entityType"),
        ({"recipients": [{"entityType": "member", "entityId": "member-1"}]}, "/recipients/0/entityType"),
        ({"recipients": [*recipients("a"), {"entityType": "party", "entityId": "no id"}]}, "/recipients/1/entityId"),
        ({"recipients": [{"entityType": "party", "entityId": "a" * 65}]}, "/recipients/0/entityId"),
        ({"recipients": [{"entityType": "party", "entityId": "a\n"}]}, "/recipients/0/entityId"),
        ({"recipients": [{"entityType": "party", "entityId": "a", "name": "A"}]}, "/recipients/0/name"),
        ({"folderIds": ["crew/1"]}, "/folderIds/0"),
        ({"folderIds": ["no-such-folder"]}, "/folderIds/0"),
        ({"reason": None}, "/reason"),
        ({"reason": ""}, "/reason"),
        ({"reason": "  \t\n "}, "/reason"),
        ({"reason": "r" * 501}, "/reason"),
        ({"reason": "a\0b"}, "/reason"),
        ({"reason": 7}, "/reason"),
        ({"dueOn": "2020-01-01"}, "/dueOn"),
        ({"dueOn": "tomorrow"}, "/dueOn"),
        ({"dueOn": "2026-02-30"}, "/dueOn"),
        ({"dueOn": "2030-01-01T10:00:00Z"}, "/dueOn"),
        ({"ifCompleted": "maybe"}, "/ifCompleted"),
        ({"notify": "perhaps"}, "/notify"),
        ({"dueDate": "2030-01-01"}, "/dueDate"),
    ],
    ids=str,
)
def test_a_wrong_field_is_named(asked: Asked, address: str, changes: dict[str, Any], pointer: str) -> None:
    org, good = asked
    problem = refused(org, address, good | changes)
    assert problem["type"] == "urn:rollcall:problem:invalid-input"
    assert pointers(problem) == [pointer]
    assert problem["detail"] == problem["errors"][0]["detail"]


def test_all_wrong_fields_are_named_in_one_answer(asked: Asked) -> None:
    problem = refused(asked[0], "/v1/assignments", {"recipients": [{"entityType": "member", "entityId": ""}]})
    assert set(pointers(problem)) == {
        "/courseId",
        "/reason",
        "/recipients/0/entityType",
        "/recipients/0/entityId",
    }


def test_a_course_without_a_published_version_cannot_be_assigned(org: Org) -> None:
    course = org.client().post("/v1/courses", json={"title": "H2S", "code": "h2s", "mode": "flex"}).json()
    org.client().post(f"/v1/courses/{course['id']}/versions", json={"label": "v1.0"})
    problem = refused(org, "/v1/assignments", body(course["id"], "party-1"))
    assert (problem["type"], pointers(problem)) == ("urn:rollcall:problem:course-not-published", ["/courseId"])


def test_an_archived_course_cannot_be_assigned(org: Org) -> None:
    course = org.with_course()
    org.client().post(f"/v1/courses/{course}/archive")
    assert pointers(refused(org, "/v1/assignments", body(course, "party-1"))) == ["/courseId"]


def test_a_folder_outside_the_callers_folders_is_unknown(org: Org) -> None:
    org.with_parties("a", folder="crew")
    org.with_parties("b", folder="office")
    asked = body(org.with_course(), folderIds=["crew", "office"])
    answer = org.client(folders=["crew"]).post("/v1/assignments", json=asked)
    assert (answer.status_code, pointers(answer.json())) == (422, ["/folderIds/1"])


def test_a_submission_without_any_recipient_is_refused(org: Org) -> None:
    org.client().put("/v1/folders/empty", json={"name": "Empty"})
    problem = refused(org, "/v1/assignments", body(org.with_course(), folderIds=["empty"]))
    assert pointers(problem) == ["/folderIds"]


def test_more_than_50000_recipients_are_refused(asked: Asked) -> None:
    org, good = asked
    named = recipients("party-1") * (MAX_RECIPIENTS + 1)
    problem = refused(org, "/v1/assignments", good | {"recipients": named})
    assert pointers(problem) == ["/recipients"]


# --- days


@pytest.mark.parametrize(
    ("zone", "instant", "yesterday", "today"),
    [
        ("Pacific/Auckland", "2026-03-10T11:30:00Z", "2026-03-10", "2026-03-11"),  # 00:30 on the 11th in Auckland
        ("America/Los_Angeles", "2026-03-10T06:30:00Z", "2026-03-08", "2026-03-09"),  # 23:30 on the 9th in Los Angeles
    ],
)
def test_due_dates_are_compared_with_the_day_in_the_organizations_zone(
    app: FastAPI, parts: Parts, worker: InProcessWorker, zone: str, instant: str, yesterday: str, today: str
) -> None:
    with time_machine.travel(instant, tick=False) as now:
        org = add_org(app, parts, time_zone=zone)
        org.with_parties("party-1")
        course = org.with_course()
        assert pointers(refused(org, "/v1/assignments", body(course, "party-1", dueOn=yesterday))) == ["/dueOn"]
        assign(org, worker, body(course, "party-1", dueOn=today))
        assert overdue(org) == (False, [])
        now.shift(24 * 3600)
        assert overdue(org) == (True, ["party-1"])


def overdue(org: Org) -> tuple[bool, list[str]]:
    """True if the organization's only assignment is overdue; and the parties in the list of overdue assignments."""
    (assignment,) = pages(org.client(), "/v1/assignments")
    late = pages(org.client(), "/v1/assignments", overdue=True)
    on_time = pages(org.client(), "/v1/assignments", overdue=False)
    assert len(late) + len(on_time) == 1
    return assignment["overdue"], [item["party"]["entityId"] for item in late]


def test_a_job_that_runs_after_its_due_date_makes_overdue_assignments(org: Org, worker: InProcessWorker) -> None:
    """The job was accepted on the due date itself, two minutes earlier."""
    org.with_parties("party-1")
    with time_machine.travel("2026-03-10T23:59:00Z", tick=False) as now:
        submit(org.client(), body(org.with_course(), "party-1", dueOn="2026-03-10"))
        now.shift(120)
        worker.drain(org.id)
        assert overdue(org) == (True, ["party-1"])
