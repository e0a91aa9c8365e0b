"""Mails about changes of what a party was told: other dates, a duty that goes away or comes back."""

from typing import Any

import pytest
import time_machine

from shared import clock, deliveries
from tests.assignments.links import anybody
from tests.mail.changing import TITLE, act, assigned, codes, edit
from tests.mail.correspondence import Correspondence, links, plain

# --- another due date


def test_another_due_date_is_told_with_the_former_one(june: Correspondence) -> None:
    one = assigned(june)
    edit(june, one, dueOn="2026-07-31")
    (mail,) = june.deliver()
    assert mail["Subject"] == f"{TITLE}: now due by 31 July 2026"
    assert "has changed the due date of Hydrogen-sulfide response v1" in plain(mail).replace("\n", " ")
    assert "which was 30 June 2026. Please complete it by 31 July 2026." in plain(mail).replace("\n", " ")
    (link,) = links(mail)
    assert anybody(june.org).get(link.removeprefix(june.org.parts.settings.public_url)).status_code == 200
    assert june.deliver() == []


@pytest.mark.parametrize(
    ("before", "after", "subject"),
    [
        (None, "2026-07-31", "now due by 31 July 2026"),
        ("2026-06-30", None, "no due date any more"),
    ],
)
def test_a_due_date_that_is_set_or_taken_away_is_told(
    june: Correspondence, before: str | None, after: str | None, subject: str
) -> None:
    edit(june, assigned(june, dueOn=before), dueOn=after)
    (mail,) = june.deliver()
    assert mail["Subject"] == f"{TITLE}: {subject}"


def test_another_reason_is_not_told(june: Correspondence) -> None:
    edit(june, assigned(june), reason="Said better")
    assert june.deliver() == []
    assert codes(june) == ["delivered"]


def test_a_due_date_changed_twice_is_told_once_and_from_the_date_that_was_told(june: Correspondence) -> None:
    one = assigned(june)
    edit(june, one, dueOn="2026-07-10")
    edit(june, one, dueOn="2026-07-20")
    (mail,) = june.deliver()
    assert mail["Subject"] == f"{TITLE}: now due by 20 July 2026"
    assert "which was 30 June 2026" in plain(mail).replace("\n", " ")
    assert codes(june)[1:] == ["due-date-changed", "delivered"]


def test_a_due_date_changed_there_and_back_is_not_told(june: Correspondence) -> None:
    one = assigned(june)
    edit(june, one, dueOn="2026-07-10")
    edit(june, one, dueOn="2026-06-30")
    assert june.deliver() == []
    assert codes(june)[1:] == ["due-date-changed", "already-told"]


def test_a_due_date_changed_before_the_assignment_was_told_is_in_its_mail(june: Correspondence) -> None:
    job = june.assign("ada", dueOn="2026-06-30")
    (item,) = june.org.client().get("/v1/assignments", params={"jobId": job["id"]}).json()["items"]
    edit(june, item["id"], dueOn="2026-07-10")
    (mail,) = june.deliver()
    assert mail["Subject"] == f"{TITLE}: assigned to you, due by 10 July 2026"
    assert codes(june) == ["delivered", "never-told"]


def test_a_mail_that_another_process_is_sending_counts_as_told(june: Correspondence) -> None:
    """It was written before the change, so it tells the former date."""
    job = june.assign("ada", dueOn="2026-06-30")
    june.plan()
    with june.org.transaction() as db:
        assert len(deliveries.claim(db, deliveries.Channel.EMAIL, clock.now(), 10, 120)) == 1
    (item,) = june.org.client().get("/v1/assignments", params={"jobId": job["id"]}).json()["items"]
    edit(june, item["id"], dueOn="2026-07-10")
    (mail,) = june.deliver()
    assert mail["Subject"] == f"{TITLE}: now due by 10 July 2026"


# --- duties that go away or come back


@pytest.mark.parametrize(
    ("what", "fields", "subject", "says"),
    [
        ("close", {"reason": "Left the project"}, "no longer assigned to you", "Reason: Left the project"),
        (
            "reassign",
            {"reason": "Change of crew", "recipient": {"entityType": "party", "entityId": "bob"}},
            "no longer assigned to you",
            "to somebody else",
        ),
    ],
)
def test_a_duty_that_goes_away_is_told(
    june: Correspondence, what: str, fields: dict[str, Any], subject: str, says: str
) -> None:
    act(june, assigned(june), what, **fields)
    sent = {mail["To"].addresses[0].addr_spec: mail for mail in june.deliver()}
    assert sent["ada@crew.example"]["Subject"] == f"{TITLE}: {subject}"
    text = plain(sent["ada@crew.example"]).replace("\n", " ")
    assert says in text
    assert "You do not have to complete it" in text
    assert (links(sent["ada@crew.example"]), "Bob" in text) == ([], False)
    assert set(sent) == {"ada@crew.example", *(["bob@crew.example"] if what == "reassign" else [])}


def test_undone_assignments_are_told_in_one_mail_a_party(june: Correspondence) -> None:
    """Only to those who were told of them, and without the technical reason."""
    job = june.assign("ada", "bob", dueOn="2026-06-30")
    june.deliver()
    quiet = june.assign("ada", "bob", notify=False)
    june.deliver()
    for one in (job, quiet):
        assert june.org.client().post(f"/v1/jobs/{one['id']}/undo").status_code == 202
    june.worker.drain(june.org.id)
    sent = june.deliver()
    assert sorted(mail["To"].addresses[0].addr_spec for mail in sent) == ["ada@crew.example", "bob@crew.example"]
    assert {mail["Subject"] for mail in sent} == {f"{TITLE}: no longer assigned to you"}
    assert all("Undo" not in plain(mail) and "Reason" not in plain(mail) for mail in sent)
    assert codes(june) == ["delivered", "not-wanted", "delivered", "never-told"]


def test_one_job_that_closes_several_assignments_of_a_party_sends_one_mail(june: Correspondence) -> None:
    found = [assigned(june, course=june.org.with_course(title=f"Course {n}")) for n in range(3)]
    client = june.org.client()
    asked = {"assignmentIds": found, "reason": "Left the project"}
    assert client.post("/v1/assignments/close", json=asked).status_code == 202
    june.worker.drain(june.org.id)
    (mail,) = june.deliver()
    assert mail["Subject"] == "3 notices about your training"
    assert plain(mail).count("no longer assigned to you") == 3


def test_a_duty_closed_and_reopened_before_the_mail_is_not_told(june: Correspondence) -> None:
    one = assigned(june)
    act(june, one, "close", reason="Slip")
    act(june, one, "reopen", reason="It was a slip")
    assert june.deliver() == []
    assert codes(june)[1:] == ["assignment-open", "already-told"]


@pytest.mark.parametrize("what", ["close", "complete"])
def test_a_duty_that_comes_back_is_told(june: Correspondence, what: str) -> None:
    one = assigned(june)
    act(june, one, what, **({"reason": "Slip"} if what == "close" else {}))
    assert len(june.deliver()) == (1 if what == "close" else 0)
    act(june, one, "reopen", reason="It was a slip")
    (mail,) = june.deliver()
    assert mail["Subject"] == f"{TITLE}: to be completed by 30 June 2026"
    assert len(links(mail)) == 1


def test_a_duty_that_goes_away_twice_is_told_twice_as_it_came_back_between(june: Correspondence) -> None:
    one = assigned(june)
    for _ in range(2):
        act(june, one, "close", reason="Slip")
        assert len(june.deliver()) == 1
        act(june, one, "reopen", reason="It was a slip")
        assert len(june.deliver()) == 1


def test_a_duty_that_came_back_and_went_away_unheard_is_not_told_again(june: Correspondence) -> None:
    one = assigned(june)
    act(june, one, "close", reason="Slip")
    assert len(june.deliver()) == 1
    act(june, one, "reopen", reason="It was a slip")
    act(june, one, "close", reason="It was none")
    assert june.deliver() == []
    assert codes(june)[2:] == ["assignment-closed", "already-told"]


def test_a_change_that_is_over_when_it_is_sent_is_not_told(june: Correspondence) -> None:
    one, other = assigned(june), assigned(june)
    edit(june, one, dueOn="2026-07-10")
    act(june, one, "complete")
    edit(june, other, dueOn="2026-07-10")
    act(june, other, "close", reason="No longer needed")
    june.plan()
    act(june, other, "reopen", reason="Needed")
    act(june, other, "complete")
    assert june.deliver() == []
    assert codes(june)[2:] == 4 * ["assignment-completed"]


def test_a_duty_that_a_newer_version_has_met_is_not_told_until_it_comes_back(june: Correspondence) -> None:
    """The party has done more than it had to."""
    course = june.org.with_course(label="v2.1")
    assigned(june, course=course)
    with time_machine.travel("2026-06-01T10:00:00Z", tick=False):
        june.org.publish(course, "v3.0")
    newer = assigned(june, course=course)
    act(june, newer, "complete")
    assert june.deliver() == []
    assert codes(june)[-1] == "assignment-completed"
    act(june, newer, "reopen", reason="By mistake")
    (mail,) = june.deliver()
    assert mail["Subject"] == "2 notices about your training"


def test_what_the_party_did_itself_is_not_told(june: Correspondence) -> None:
    """Bob has an account, and the permission to manage assignments."""
    job = june.assign("bob", dueOn="2026-06-30")
    june.deliver()
    (item,) = june.org.client().get("/v1/assignments", params={"jobId": job["id"]}).json()["items"]
    bob = june.org.client(member="m-bob")
    edit(june, item["id"], client=bob, dueOn="2026-07-10")
    assert bob.post(f"/v1/assignments/{item['id']}/close", json={"reason": "Mine"}).status_code == 200
    assert june.deliver() == []
    assert [code for *_, code in june.states()][1:] == ["own-act", "own-act"]


# --- by jobs


def change(mails: Correspondence, assignment_ids: list[str], **values: Any) -> dict[str, Any]:
    """Change assignments by a job, and run it. Returns the job as it was accepted."""
    asked = {"set": values, "why": "The rig is late", "assignmentIds": assignment_ids}
    answer = mails.org.client().post("/v1/assignments/change", json=asked)
    assert answer.status_code == 202, answer.text
    mails.worker.drain(mails.org.id)
    job: dict[str, Any] = answer.json()
    return job


def test_a_job_that_changes_due_dates_sends_one_mail_a_party_and_its_undo_another(june: Correspondence) -> None:
    found = [assigned(june, course=june.org.with_course(title=f"Course {n}")) for n in range(2)]
    job = change(june, found, dueOn="2026-07-31")
    (mail,) = june.deliver()
    assert mail["Subject"] == "2 notices about your training"
    assert plain(mail).count("now due by 31 July 2026") == 2
    change(june, found, reason="Said better")
    assert june.deliver() == []
    assert june.org.client().post(f"/v1/jobs/{job['id']}/undo").status_code == 202
    june.worker.drain(june.org.id)
    assert june.deliver() == []  # the reasons were changed since, so the undo has changed nothing


def test_an_undone_change_of_due_dates_is_told_if_the_change_was(june: Correspondence) -> None:
    one = assigned(june)
    for told in (True, False):
        job = change(june, [one], dueOn="2026-07-31")
        assert len(june.deliver() if told else []) == told
        assert june.org.client().post(f"/v1/jobs/{job['id']}/undo").status_code == 202
        june.worker.drain(june.org.id)
        assert [mail["Subject"] for mail in june.deliver()] == ([f"{TITLE}: now due by 30 June 2026"] if told else [])
    assert codes(june)[-2:] == ["due-date-changed", "already-told"]


def test_an_assignment_moved_to_another_course_is_told_as_one_mail_of_both(june: Correspondence) -> None:
    one = assigned(june)
    change(june, [one], courseId=june.org.with_course(title="Working at height"))
    (mail,) = june.deliver()
    assert mail["Subject"] == "2 notices about your training"
    text = plain(mail)
    assert "Working at height: assigned to you, due by 30 June 2026" in text
    assert f"{TITLE}: no longer assigned to you" in text
    assert "somebody else" not in text


@pytest.mark.parametrize("told", [True, False])
def test_an_undone_closing_is_told_if_the_closing_was(june: Correspondence, told: bool) -> None:
    one = assigned(june)
    asked = {"assignmentIds": [one], "reason": "Slip"}
    job = june.org.client().post("/v1/assignments/close", json=asked).json()
    june.worker.drain(june.org.id)
    assert len(june.deliver() if told else []) == told
    assert june.org.client().post(f"/v1/jobs/{job['id']}/undo").status_code == 202
    june.worker.drain(june.org.id)
    assert [mail["Subject"] for mail in june.deliver()] == (
        [f"{TITLE}: to be completed by 30 June 2026"] if told else []
    )
