"""The pages of a job that waits for a second member: what each reader is told, and to whom its decision is offered."""

import re

import pytest

from shared.access import Permission
from tests.assignments.asking import body, submit
from tests.drain import InProcessWorker
from tests.factories import Org

DECIDES = (Permission.VIEW, Permission.ASSIGN, Permission.MANAGE_ASSIGNMENTS)
BUTTONS = ("/approve", "/reject")


@pytest.fixture
def ground(org: Org) -> str:
    """An organization in which a job for more than one needs a second member. Returns the id of a course."""
    course_id = org.with_course()
    org.with_parties("crew-1", "crew-2", folder="deck")
    org.client().put("/v1/settings", json={"changeLimit": 1})
    return course_id


@pytest.fixture
def waiting(org: Org, ground: str) -> str:
    """The address of an assignment to a folder that waits. The member `first` has submitted it."""
    asked = body(ground) | {"folderIds": ["deck"], "dueOn": "2031-02-03", "reason": "New rig"}
    job = submit(org.client(member="first"), asked)
    assert job["state"] == "awaiting_approval"
    return f"/jobs/{job['id']}"


def offered(page: str) -> list[bool]:
    """Return whether a page offers to approve and to reject."""
    return [f'{one}"' in page for one in BUTTONS]


def test_who_submitted_a_job_is_told_that_another_member_decides_and_which_one(org: Org, waiting: str) -> None:
    page = org.visitor(member="first").get(waiting).text
    assert offered(page) == [False, False]
    assert "another member must decide" in page
    assert re.search("<code>training.manage_assignments</code>, <code>training.assign</code>", page)
    assert offered(org.visitor(member="second").get(waiting).text) == [True, True]


@pytest.mark.parametrize("lacks", [Permission.ASSIGN, Permission.MANAGE_ASSIGNMENTS])
def test_who_may_not_approve_a_kind_is_offered_no_decision_anywhere(org: Org, waiting: str, lacks: Permission) -> None:
    browser = org.visitor(*(one for one in DECIDES if one != lacks), member="second")
    page = browser.get(waiting).text
    assert offered(page) == [False, False]
    assert "Whoever decides needs" in page
    assert "Approve the job" not in browser.get("/overview").text
    assert "Approve the job" in org.visitor(*DECIDES, member="second").get("/overview").text


def test_a_merge_waits_only_for_those_who_write_the_directory(org: Org, ground: str) -> None:
    merged = org.client(member="first").post("/v1/parties/crew-1/merge", json={"into": "crew-2", "reason": "Twice"})
    assert merged.status_code == 202, merged.text
    address = f"/jobs/{merged.json()['id']}"
    every = org.visitor(*(set(Permission) - {Permission.SYNC_DIRECTORY}), member="second")
    assert "Approve the job" not in every.get("/overview").text
    writer = org.visitor(Permission.VIEW, Permission.SYNC_DIRECTORY, member="second")
    assert "Approve the job" in writer.get("/overview").text
    assert offered(writer.get(address).text) == [True, True]
    assert "Party crew-1 → Party crew-2" in writer.get("/jobs").text


def test_a_reader_of_some_of_the_people_is_not_asked_to_decide_about_all(org: Org, ground: str) -> None:
    org.with_parties("mate-1", folder="bridge")
    job = submit(org.client(member="first"), body(ground, "crew-1", "mate-1"))
    browser = org.visitor(*DECIDES, member="second", folders=["bridge"])
    assert offered(browser.get(f"/jobs/{job['id']}").text) == [False, False]
    assert "Approve the job" not in browser.get("/overview").text


def test_what_is_to_be_approved_is_on_the_page_by_name(org: Org, waiting: str) -> None:
    browser = org.visitor(member="second")
    page = browser.get(waiting).text
    asked = page.partition('class="approve"')[2].partition("/approve")[0]
    for part in ("3 February 2031", 'folderId=deck">', "New rig", "for 2 people", f'href="{waiting}/results"'):
        assert part in asked, part
    people = browser.get(f"{waiting}/results").text
    assert "Party crew-1" in people
    assert "Party crew-2" in people


def test_a_rejected_job_says_who_rejected_it_and_why_and_shows_no_progress(org: Org, waiting: str) -> None:
    browser = org.visitor(member="second", name="Tomas Wiik")
    browser.post(f"{waiting}/reject", data={"formKey": "a", "reason": "Not this year"})
    page = org.visitor(member="first").get(waiting).text
    assert "Tomas Wiik rejected this job: Not this year" in page
    assert "Nothing was done." in page
    assert "100%" not in page


def test_a_job_says_its_due_date_its_folders_and_what_it_undoes(
    org: Org, waiting: str, worker: InProcessWorker
) -> None:
    browser = org.visitor(member="second")
    browser.post(f"{waiting}/approve", data={"formKey": "a"})
    worker.drain(org.id)
    page = browser.get(waiting).text
    assert "3 February 2031" in page
    assert 'folderId=deck">' in page
    undo = browser.post(f"{waiting}/undo", data={"formKey": "b"}).headers["Location"]
    title = re.search("<h1>([^<]+)</h1>", browser.get(undo).text)
    done = re.search("<h1>([^<]+)</h1>", page)
    assert title
    assert done
    assert title[1] == f"Undo: {done[1]}"
    assert "Undo: Assign" in browser.get("/jobs").text
