"""Submitting assignments: one request for thousands of parties, and one outcome for each of them."""

import secrets

from sqlalchemy import select

from shared import assignments, clock
from shared.access import Permission
from shared.assignments import Assignment
from tests.assignments.asking import CREW, assign, body, codes, deactivate, events, pages, parties, read_job, submit
from tests.assignments.racing import blocked_worker
from tests.drain import InProcessWorker
from tests.factories import MEMBER, Org

# --- repeated, with and without an Idempotency-Key


def test_a_folder_of_2000_is_assigned_and_a_second_job_changes_nothing(org: Org, worker: InProcessWorker) -> None:
    org.with_parties(*parties(2000), folder=CREW)
    asked = body(org.with_course(label="v3.2"), folderIds=[CREW])

    job = submit(org.client(), asked)
    assert (job["state"], job["counts"]["pending"]) == ("queued", 2000)
    worker.drain(org.id)
    job = read_job(org, job)
    assert (job["state"], job["counts"]["succeeded"]) == ("succeeded", 2000)
    assert codes(org, job) == dict.fromkeys(parties(2000), "created")

    again = assign(org, worker, asked)
    assert (again["state"], again["counts"]["unchanged"]) == ("succeeded", 2000)
    assert codes(org, again) == dict.fromkeys(parties(2000), "already-assigned")

    made = [event for event in events(org) if event["type"] == "assignment.created"]
    assert sorted(event["data"]["partyId"] for event in made) == parties(2000)
    assert {event["data"]["jobId"] for event in made} == {job["id"]}


def test_a_repeated_key_and_body_return_the_same_job(org: Org, worker: InProcessWorker) -> None:
    org.with_parties("party-1")
    asked, key = body(org.with_course(), "party-1"), {"Idempotency-Key": secrets.token_hex(8)}
    client = org.client()
    first = client.post("/v1/assignments", json=asked, headers=key)
    reordered = dict(reversed(asked.items()))
    while_queued = client.post("/v1/assignments", json=reordered, headers=key)
    worker.drain(org.id)
    ended = client.post("/v1/assignments", json=asked, headers=key)

    assert "idempotent-replayed" not in first.headers
    for replayed, state in ((while_queued, "queued"), (ended, "succeeded")):
        assert (replayed.status_code, replayed.headers["idempotent-replayed"]) == (202, "true")
        assert (replayed.json()["id"], replayed.json()["state"]) == (first.json()["id"], state)
        assert replayed.headers["location"] == first.headers["location"]
    assert len(pages(client, "/v1/jobs")) == 1


def test_a_repeated_key_with_another_body_is_refused(org: Org, worker: InProcessWorker) -> None:
    org.with_parties("party-1")
    asked, key = body(org.with_course(), "party-1"), {"Idempotency-Key": "run-1"}
    submit(org.client(), asked, **key)
    other = org.client().post("/v1/assignments", json=asked | {"reason": "Another reason"}, headers=key)
    assert other.status_code == 422
    assert other.json()["type"] == "urn:rollcall:problem:idempotency-key-reused"
    assert len(pages(org.client(), "/v1/jobs")) == 1


def test_an_idempotency_key_belongs_to_one_organization(org: Org, other_org: Org) -> None:
    jobs = []
    for each in (org, other_org):
        each.with_parties("party-1")
        jobs.append(submit(each.client(), body(each.with_course(), "party-1"), **{"Idempotency-Key": "run-1"}))
    assert jobs[0]["id"] != jobs[1]["id"]


def test_two_jobs_at_once_assign_a_party_once(org: Org, worker: InProcessWorker) -> None:
    """The job waits for an assignment that is not committed yet, and then finds the party assigned."""
    org.with_parties("party-1", "party-2", "party-3")
    course = org.with_course()
    assign(org, worker, body(course, "party-1"))
    job = submit(org.client(), body(course, "party-2", "party-3"))
    with org.transaction() as member:
        (first,) = member.scalars(select(Assignment)).all()
        assignments.reassign(member, first, "party-2", "Left", scope=None, actor=MEMBER, now=clock.now())
        with blocked_worker(org, worker, member) as working:
            member.commit()
            working.result(30)
    worker.drain(org.id)
    assert codes(org, job) == {"party-2": "already-assigned", "party-3": "created"}
    still_open = pages(org.client(), "/v1/assignments", state="assigned")
    assert sorted(item["party"]["entityId"] for item in still_open) == ["party-2", "party-3"]


# --- a bad recipient does not fail the others


def test_three_bad_recipients_of_2000_fail_and_the_others_are_assigned(
    org: Org, other_org: Org, worker: InProcessWorker
) -> None:
    good = parties(1997)
    org.with_parties(*good, "inactive")
    deactivate(org, "inactive")
    other_org.with_parties("theirs")

    job = assign(org, worker, body(org.with_course(), *good, "unknown", "inactive", "theirs"))
    assert job["state"] == "partially_succeeded"
    assert (job["counts"]["succeeded"], job["counts"]["failed"]) == (1997, 3)
    assert codes(org, job) == dict.fromkeys(good, "created") | {
        "unknown": "party-not-found",
        "inactive": "party-inactive",
        "theirs": "party-not-found",
    }
    failed = pages(org.client(), f"/v1/jobs/{job['id']}/results", outcome="failed")
    assert [item["entityId"] for item in failed] == ["inactive", "theirs", "unknown"]
    assert all(item["detail"].endswith(".") and item["assignmentId"] is None for item in failed)


def test_an_inactive_party_fails_if_it_was_named_and_is_unchanged_as_a_folders_member(
    org: Org, worker: InProcessWorker
) -> None:
    org.with_parties("active", "gone", "named", folder=CREW)
    deactivate(org, "gone", "named")
    course_id = org.with_course()
    for asked, unchanged, failed in (
        (body(course_id, folderIds=[CREW]), ["gone", "named"], []),
        (body(course_id, "named", folderIds=[CREW]), ["gone"], ["named"]),
        (body(course_id, "named", "gone"), [], ["gone", "named"]),
    ):
        previewed = {
            row["outcome"]: row["examples"]
            for row in org.client().post("/v1/assignments/preview", json=asked).json()["outcomes"]
            if row["code"] == "party-inactive"
        }
        job = assign(org, worker, asked)
        results = pages(org.client(), f"/v1/jobs/{job['id']}/results")
        told = [(one["entityId"], one["outcome"]) for one in results if one["code"] == "party-inactive"]
        assert told == sorted([(each, "unchanged") for each in unchanged] + [(each, "failed") for each in failed])
        assert previewed == {name: ids for name, ids in (("unchanged", unchanged), ("failed", failed)) if ids}
        assert job["counts"]["failed"] == len(failed)
        seen = org.client(Permission.VIEW, folders=[CREW]).get(f"/v1/jobs/{job['id']}").json()
        assert seen["counts"] == job["counts"]


def test_a_job_fails_if_all_its_recipients_fail(org: Org, worker: InProcessWorker) -> None:
    job = assign(org, worker, body(org.with_course(), "unknown-1", "unknown-2"))
    assert (job["state"], job["counts"]["failed"]) == ("failed", 2)


def test_a_party_outside_the_callers_folders_is_not_assigned(org: Org, worker: InProcessWorker) -> None:
    org.with_parties("inside", folder="crew")
    org.with_parties("outside", folder="office")
    supervisor = org.client(Permission.ASSIGN, Permission.VIEW, folders=["crew"])
    job = assign(org, worker, body(org.with_course(), "inside", "outside"), supervisor)
    assert codes(org, job) == {"inside": "created", "outside": "party-not-found"}
    assert [item["party"]["entityId"] for item in pages(supervisor, "/v1/assignments")] == ["inside"]


# --- recipients and version


def test_a_recipient_named_twice_or_also_by_folder_counts_once(org: Org, worker: InProcessWorker) -> None:
    org.with_parties("a", "b", folder="crew")
    org.with_parties("c", folder="office")
    asked = body(org.with_course(), "a", "a", "d", "d", folderIds=["crew", "office", "crew"])
    job = assign(org, worker, asked)
    assert job["counts"]["total"] == 4
    assert codes(org, job) == {"a": "created", "b": "created", "c": "created", "d": "party-not-found"}


def test_the_members_of_a_folder_are_fixed_at_submission(org: Org, worker: InProcessWorker) -> None:
    org.with_parties("stays", "leaves", folder="crew")
    job = submit(org.client(), body(org.with_course(), folderIds=["crew"]))
    org.with_parties("joins", folder="crew")
    org.with_parties("leaves", folder="office")
    worker.drain(org.id)
    assert codes(org, job) == {"stays": "created", "leaves": "created"}


def test_the_version_is_fixed_at_submission(org: Org, worker: InProcessWorker) -> None:
    org.with_parties("party-1")
    course = org.with_course(label="v3.2")
    before = submit(org.client(), body(course, "party-1"))
    version = org.publish(course, "v4.0")
    worker.drain(org.id)
    (assignment,) = pages(org.client(), "/v1/assignments")
    assert (assignment["versionLabel"], assignment["jobId"]) == ("v3.2", before["id"])

    after = assign(org, worker, body(course, "party-1"))
    assert codes(org, after) == {"party-1": "created"}  # the party owes both versions
    newest = pages(org.client(), "/v1/assignments")[0]
    assert (newest["versionLabel"], newest["courseVersionId"]) == ("v4.0", version)
