"""Jobs in the API: their state, the outcome of each recipient, cancelling and retrying."""

import csv
import io
import secrets
import uuid
from typing import Any

import pytest

from shared.access import Permission
from shared.jobs import OutcomeCode
from tests.assignments.asking import assign, body, codes, deactivate, events, pages, parties, read_job, submit
from tests.drain import InProcessWorker
from tests.factories import Org


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks of ten recipients, so that a job of 40 has several."""
    monkeypatch.setattr("shared.jobs.actions.SMALLEST_CHUNK", 10)
    monkeypatch.setattr("shared.jobs.actions.LARGEST_CHUNK", 10)


@pytest.fixture
def mixed(org: Org, worker: InProcessWorker) -> dict[str, Any]:
    """A finished job: four parties assigned, two already assigned, two unknown and one inactive."""
    org.with_parties(*parties(6), "inactive")
    deactivate(org, "inactive")
    course = org.with_course()
    assign(org, worker, body(course, *parties(2)))
    return assign(org, worker, body(course, *parties(6), "inactive", "unknown-1", "unknown-2"))


# --- one job


def test_a_job_has_its_request_and_its_counts(org: Org, mixed: dict[str, Any]) -> None:
    assert org.client(Permission.VIEW).get(f"/v1/jobs/{mixed['id']}").json() == mixed
    assert mixed["counts"] == {
        "total": 9,
        "succeeded": 4,
        "unchanged": 2,
        "failed": 3,
        "cancelled": 0,
        "pending": 0,
    }
    assert (mixed["kind"], mixed["state"], mixed["retryOf"]) == ("assignments.create", "partially_succeeded", None)
    assert mixed["submittedBy"] == {"type": "member", "id": "member-1"}
    assert mixed["submittedAt"] <= mixed["startedAt"] <= mixed["finishedAt"]
    assert mixed["request"]["reason"] == "HSE program annual refresh, Q2 2026"


def test_the_end_of_a_job_is_one_event(org: Org, mixed: dict[str, Any]) -> None:
    about = [event for event in events(org) if event["subject"] == f"job/{mixed['id']}"]
    assert [event["type"] for event in about] == ["job.submitted", "job.finished"]
    assert about[-1]["data"]["counts"] == mixed["counts"]


# --- results


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        ("succeeded", dict.fromkeys(parties(4, first=2), "created")),
        ("unchanged", dict.fromkeys(parties(2), "already-assigned")),
        ("failed", {"inactive": "party-inactive", "unknown-1": "party-not-found", "unknown-2": "party-not-found"}),
        ("cancelled", {}),
        ("pending", {}),
    ],
)
def test_results_are_filtered_by_outcome(
    org: Org, mixed: dict[str, Any], outcome: str, expected: dict[str, str]
) -> None:
    found = pages(org.client(Permission.VIEW), f"/v1/jobs/{mixed['id']}/results", outcome=outcome, limit=1)
    assert {item["entityId"]: item["code"] for item in found} == expected
    assert {item["outcome"] for item in found} <= {outcome}


def test_results_name_each_recipient_once_in_order_on_pages_of_any_size(org: Org, mixed: dict[str, Any]) -> None:
    address = f"/v1/jobs/{mixed['id']}/results"
    everybody = pages(org.client(), address)
    assert [item["entityId"] for item in everybody] == sorted([*parties(6), "inactive", "unknown-1", "unknown-2"])
    for limit in (1, 2, 3, 9, 10):
        assert pages(org.client(), address, limit=limit) == everybody


def test_results_have_the_id_of_the_assignment(org: Org, mixed: dict[str, Any]) -> None:
    made = {item["party"]["entityId"]: item["id"] for item in pages(org.client(), "/v1/assignments")}
    results = pages(org.client(), f"/v1/jobs/{mixed['id']}/results")
    assert {item["entityId"]: item["assignmentId"] for item in results} == made | dict.fromkeys(
        ["inactive", "unknown-1", "unknown-2"]
    )


def test_every_code_has_an_outcome_and_a_sentence() -> None:
    assert all(code.detail.endswith(".") and code.outcome for code in OutcomeCode)


@pytest.mark.usefixtures("small_chunks")
def test_results_of_a_running_job_name_the_pending_recipients(org: Org, worker: InProcessWorker) -> None:
    org.with_parties(*parties(40))
    job = submit(org.client(), body(org.with_course(), *parties(40)))
    worker.deliver("jobs.run_chunk", org.id)
    running = read_job(org, job)
    assert (running["state"], running["counts"]["pending"], running["finishedAt"]) == ("running", 30, None)
    assert codes(org, job) == dict.fromkeys(parties(10), "created") | dict.fromkeys(parties(30, first=10), "pending")


def test_results_as_csv_are_the_same_as_the_list(org: Org, mixed: dict[str, Any]) -> None:
    address, accept = f"/v1/jobs/{mixed['id']}/results", {"Accept": "text/csv"}
    answer = org.client().get(address, headers=accept)
    assert answer.headers["content-disposition"] == f'attachment; filename="job-{mixed["id"]}.csv"'
    rows = list(csv.DictReader(io.StringIO(answer.text, newline="")))
    listed = pages(org.client(), address)
    assert rows == [{name: value or "" for name, value in item.items()} for item in listed]
    nothing = org.client().get(address, params={"outcome": "pending"}, headers=accept)
    assert nothing.text == answer.text.splitlines(keepends=True)[0]


@pytest.mark.parametrize("rest", ["", "/results", "/stream", "?wait=1"])
def test_an_unknown_job_is_not_found(org: Org, rest: str) -> None:
    answer = org.client().get(f"/v1/jobs/{uuid.uuid4()}{rest}")
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")


@pytest.mark.parametrize(
    "path",
    [
        "/v1/jobs/1",
        "/v1/jobs/1/stream",
        "/v1/jobs/{id}?wait=21",
        "/v1/jobs/{id}?wait=-1",
        "/v1/jobs/{id}?wait=nan",
        "/v1/jobs/{id}/results?outcome=good",
        "/v1/jobs/{id}/results?limit=0",
        "/v1/jobs?state=done",
    ],
)
def test_a_malformed_request_is_refused(org: Org, path: str) -> None:
    job = submit(org.client(), body(org.with_course(), "party-1"))
    answer = org.client().get(path.format(**job))
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")


# --- cancelling and retrying


@pytest.mark.usefixtures("small_chunks")
def test_cancelling_keeps_the_finished_chunks_and_cancels_the_others(org: Org, worker: InProcessWorker) -> None:
    org.with_parties(*parties(40))
    job = submit(org.client(), body(org.with_course(), *parties(40)))
    worker.deliver("jobs.run_chunk", org.id)
    cancelled = org.client(Permission.ASSIGN, member="member-2").post(f"/v1/jobs/{job['id']}/cancel")
    assert (cancelled.status_code, cancelled.json()["state"]) == (200, "cancelled")
    worker.drain(org.id)

    ended = read_job(org, job)
    assert ended == cancelled.json()
    assert (ended["counts"]["succeeded"], ended["counts"]["cancelled"]) == (10, 30)
    assert codes(org, job) == dict.fromkeys(parties(10), "created") | dict.fromkeys(parties(30, first=10), "cancelled")
    assert len(pages(org.client(), "/v1/assignments")) == 10
    last = [(event["type"], event["data"]["actor"]["id"]) for event in events(org)[-2:]]
    assert last == [("job.cancel_requested", "member-2"), ("job.finished", "worker")]


def test_a_job_that_has_ended_cannot_be_cancelled(org: Org, mixed: dict[str, Any]) -> None:
    answer = org.client().post(f"/v1/jobs/{mixed['id']}/cancel")
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:rollcall:problem:job-finished")
    assert read_job(org, mixed) == mixed


def test_a_retry_is_a_new_job_of_the_failed_recipients(
    org: Org, mixed: dict[str, Any], worker: InProcessWorker
) -> None:
    org.with_parties("inactive", "unknown-1")
    answer = org.client(Permission.ASSIGN).post(f"/v1/jobs/{mixed['id']}/retry")
    assert answer.status_code == 202
    retry = answer.json()
    assert (retry["retryOf"], retry["counts"]["total"]) == (mixed["id"], 3)
    assert answer.headers["location"] == f"/v1/jobs/{retry['id']}"
    worker.drain(org.id)
    assert codes(org, retry) == {"inactive": "created", "unknown-1": "created", "unknown-2": "party-not-found"}
    assert read_job(org, retry)["request"] == mixed["request"]
    assert read_job(org, mixed) == mixed


def test_a_job_without_failed_recipients_cannot_be_retried(org: Org, worker: InProcessWorker) -> None:
    org.with_parties("party-1")
    queued = submit(org.client(), body(org.with_course(), "party-1"))
    for _ in range(2):  # first while the job is queued, then when it has succeeded
        answer = org.client().post(f"/v1/jobs/{queued['id']}/retry")
        assert (answer.status_code, answer.json()["type"]) == (409, "urn:rollcall:problem:nothing-to-retry")
        worker.drain(org.id)


@pytest.mark.usefixtures("small_chunks")
def test_a_running_job_with_a_failed_recipient_cannot_be_retried(org: Org, worker: InProcessWorker) -> None:
    org.with_parties(*parties(19))
    job = submit(org.client(), body(org.with_course(), "a-party-that-is-unknown", *parties(19)))
    worker.deliver("jobs.run_chunk", org.id)
    running = read_job(org, job)
    assert (running["state"], running["counts"]["failed"], running["counts"]["pending"]) == ("running", 1, 10)
    answer = org.client().post(f"/v1/jobs/{job['id']}/retry")
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:rollcall:problem:nothing-to-retry")


@pytest.mark.parametrize("action", ["cancel", "retry"])
def test_a_member_who_may_only_view_or_complete_neither_cancels_nor_retries(
    org: Org, mixed: dict[str, Any], action: str
) -> None:
    answer = org.client(Permission.VIEW, Permission.COMPLETE).post(f"/v1/jobs/{mixed['id']}/{action}")
    assert answer.status_code == 403


# --- lists


def test_the_list_of_jobs_is_newest_first_and_can_be_filtered(
    org: Org, worker: InProcessWorker, mixed: dict[str, Any]
) -> None:
    queued = submit(org.client(), body(org.with_course(), "party-1"))
    client = org.client(Permission.VIEW)
    every = [job["id"] for job in pages(client, "/v1/jobs")]
    assert (every[0], every[1], len(every)) == (queued["id"], mixed["id"], 3)
    assert [job["id"] for job in pages(client, "/v1/jobs", limit=1)] == every
    assert pages(client, "/v1/jobs", state="queued") == [queued]
    assert pages(client, "/v1/jobs", state="partially_succeeded") == [mixed]
    assert [job["id"] for job in pages(client, "/v1/jobs", kind="assignments.create")] == every
    assert pages(client, "/v1/jobs", kind="assignments.no_such_kind") == []


def test_pages_of_jobs_miss_and_repeat_none_while_jobs_are_added(org: Org) -> None:
    course = org.with_course()
    there = [submit(org.client(), body(course, secrets.token_hex(4)))["id"] for _ in range(4)]
    first = org.client().get("/v1/jobs", params={"limit": 2}).json()
    submit(org.client(), body(course, "party-1"))
    rest = org.client().get("/v1/jobs", params={"limit": 2, "cursor": first["nextCursor"]}).json()
    assert [job["id"] for job in first["items"] + rest["items"]] == there[::-1]
    assert rest["nextCursor"] is None
