"""Inactive members of a folder: nobody named them, so nothing failed. A party that is named by id fails."""

from typing import Any

import pytest

from tests.assignments.asking import assign, body, deactivate, pages, read_job
from tests.drain import InProcessWorker
from tests.factories import Org

INACTIVE = "p-2"
FOLDER = {"folderIds": ["crew"]}
FAILED, UNCHANGED = ("failed", "party-inactive"), ("unchanged", "party-inactive")


@pytest.fixture
def course(org: Org) -> str:
    """A course, and a folder with an active and an inactive party."""
    org.with_parties("p-1", INACTIVE, folder="crew")
    course_id = org.with_course()
    deactivate(org, INACTIVE)
    return course_id


def outcome(org: Org, job: dict[str, Any], folders: list[str] | None = None) -> tuple[str, str]:
    """The outcome and the code of the inactive party."""
    (found,) = (
        one
        for one in pages(org.client(folders=folders), f"/v1/jobs/{job['id']}/results")
        if one["entityId"] == INACTIVE
    )
    return found["outcome"], found["code"]


CASES: dict[str, tuple[tuple[str, ...], dict[str, Any], tuple[str, str]]] = {
    "by folder": ((), FOLDER, UNCHANGED),
    "by id": (("p-1", INACTIVE), {}, FAILED),
    "both ways": ((INACTIVE,), FOLDER, FAILED),
    "another by id": (("p-1",), FOLDER, UNCHANGED),
}


@pytest.mark.parametrize("case", CASES)
def test_an_inactive_party_fails_where_it_is_named_and_is_unchanged_where_a_folder_brought_it(
    org: Org, worker: InProcessWorker, course: str, case: str
) -> None:
    named, more, expected = CASES[case]
    asked = body(course, *named, **more)
    preview = org.client().post("/v1/assignments/preview", json=asked).json()["outcomes"]
    shown = [(one["outcome"], one["code"]) for one in preview if INACTIVE in one["examples"]]
    job = assign(org, worker, asked)
    assert (shown, outcome(org, job)) == ([expected], expected)
    assert job["state"] == {"unchanged": "succeeded", "failed": "partially_succeeded"}[expected[0]]


def test_a_caller_limited_to_folders_counts_it_the_same_way(org: Org, worker: InProcessWorker, course: str) -> None:
    org.with_parties("p-3", folder="others")
    job = assign(org, worker, body(course, "p-3", **FOLDER))
    limited = org.client(member="visitor", folders=["crew"]).get(f"/v1/jobs/{job['id']}").json()
    assert {name: limited["counts"][name] for name in ("succeeded", "unchanged", "failed")} == {
        "succeeded": 1,
        "unchanged": 1,
        "failed": 0,
    }
    assert outcome(org, job, ["crew"]) == UNCHANGED
    assert not {"named", "namedInactive"} & limited["request"].keys()


def test_the_retry_of_a_job_keeps_which_parties_were_named(org: Org, worker: InProcessWorker, course: str) -> None:
    job = assign(org, worker, body(course, INACTIVE, **FOLDER))
    again = org.client().post(f"/v1/jobs/{job['id']}/retry").json()
    worker.drain(org.id)
    assert (outcome(org, again), read_job(org, again)["counts"]["total"]) == (FAILED, 1)


@pytest.mark.parametrize("act", ["remind", "reopen", "change to another course"])
def test_of_a_selection_only_named_assignments_of_inactive_parties_fail(
    org: Org, worker: InProcessWorker, act: str
) -> None:
    org.with_parties("p-1", INACTIVE, folder="crew")
    course_id = org.with_course()
    assign(org, worker, body(course_id, "p-1", INACTIVE))
    ids = [one["id"] for one in pages(org.client(), "/v1/assignments")]
    if act == "reopen":
        org.client().post("/v1/assignments/close", json={"assignmentIds": ids, "reason": "x"})
        worker.drain(org.id)
    deactivate(org, INACTIVE)
    bodies: dict[str, dict[str, Any]] = {
        "remind": {},
        "reopen": {"reason": "x"},
        "change to another course": {"set": {"courseId": org.with_course()}, "why": "x"},
    }
    sent = bodies[act]
    path = f"/v1/assignments/{act.split()[0]}"
    cases: list[tuple[dict[str, Any], tuple[str, str]]] = [
        ({"assignmentIds": ids}, FAILED),
        ({"filter": {"folderId": "crew"}}, UNCHANGED),
    ]
    for selection, expected in cases:
        preview = org.client().post(f"{path}/preview", json=sent | selection).json()["outcomes"]
        shown = [(one["outcome"], one["code"]) for one in preview if INACTIVE in one["examples"]]
        answer = org.client().post(path, json=sent | selection)
        worker.drain(org.id)
        assert (shown, outcome(org, answer.json())) == ([expected], expected)


def test_the_due_date_of_an_inactive_party_changes_in_bulk_as_it_does_alone(org: Org, worker: InProcessWorker) -> None:
    org.with_parties(INACTIVE)
    assign(org, worker, body(org.with_course(), INACTIVE))
    deactivate(org, INACTIVE)
    (one,) = pages(org.client(), "/v1/assignments")
    assert org.client().patch(f"/v1/assignments/{one['id']}", json={"dueOn": "2099-01-01"}).status_code == 200
    sent = {"assignmentIds": [one["id"]], "set": {"dueOn": "2099-01-02"}, "why": "x"}
    answer = org.client().post("/v1/assignments/change", json=sent)
    worker.drain(org.id)
    assert outcome(org, answer.json()) == ("succeeded", "changed")
