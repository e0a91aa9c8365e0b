"""The preview of a submission, and submissions for parties that have completed the course version."""

from shared.access import Permission
from tests.assignments.asking import assign, body, codes, complete, counted, deactivate, events, pages, parties
from tests.drain import InProcessWorker
from tests.factories import Org

# --- completed before


def test_a_party_that_completed_the_version_is_assigned_again_unless_the_job_skips_it(
    org: Org, worker: InProcessWorker
) -> None:
    org.with_parties("done", "new")
    course = org.with_course()
    assign(org, worker, body(course, "done"))
    complete(org, course, "done")

    skipping = assign(org, worker, body(course, "done", "new", ifCompleted="skip"))
    assert codes(org, skipping) == {"done": "already-completed", "new": "created"}
    assert skipping["state"] == "succeeded"
    again = assign(org, worker, body(course, "done", "new"))
    assert codes(org, again) == {"done": "created", "new": "already-assigned"}


def test_a_completion_of_another_version_is_not_skipped(org: Org, worker: InProcessWorker) -> None:
    org.with_parties("done")
    course = org.with_course()
    assign(org, worker, body(course, "done"))
    complete(org, course, "done")
    org.publish(course, "v2.0")
    assert codes(org, assign(org, worker, body(course, "done", ifCompleted="skip"))) == {"done": "created"}


# --- the preview


def test_a_preview_counts_the_outcomes_of_the_job_and_writes_nothing(
    org: Org, other_org: Org, worker: InProcessWorker
) -> None:
    org.with_parties(*parties(30), "inactive", "done", "assigned", folder="crew")
    org.with_parties("outside")
    deactivate(org, "inactive")
    course = org.with_course()
    assign(org, worker, body(course, "done"))
    complete(org, course, "done")
    assign(org, worker, body(course, "assigned"))
    supervisor = org.client(Permission.ASSIGN, Permission.VIEW, folders=["crew"])
    asked = body(course, "outside", "unknown", folderIds=["crew"], ifCompleted="skip")
    before = (events(org), pages(org.client(), "/v1/jobs"))

    answer = supervisor.post("/v1/assignments/preview", json=asked)
    assert answer.status_code == 200, answer.text
    preview = answer.json()
    assert (events(org), pages(org.client(), "/v1/jobs")) == before

    happened = codes(org, assign(org, worker, asked, supervisor))
    assert {each["code"]: each["count"] for each in preview["outcomes"]} == counted(happened.values())
    assert preview["total"] == len(happened) == 35
    assert preview["versionLabel"] == "v1.0"
    for each in preview["outcomes"]:
        having = sorted(party for party, code in happened.items() if code == each["code"])
        assert each["examples"] == having[:20]
