"""Mails about changes of what a party was told: other dates, a duty that goes away or comes back."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine

from shared import clock, deliveries
from tests.assignments.links import anybody
from tests.licences.sweeps import sweep
from tests.mail.correspondence import ADA, BOB, Correspondence, links, plain
from tests.mail.test_licences import licensed

MADE = "2026-06-01T09:00:00Z"
TITLE = "Hydrogen-sulfide response"


@pytest.fixture
def june(mails: Correspondence) -> Iterator[Correspondence]:
    """The first of June, and Ada and Bob in the directory."""
    with time_machine.travel(MADE, tick=False):
        mails.add_parties(ADA, BOB)
        yield mails


def assigned(mails: Correspondence, **fields: Any) -> str:
    """Assign a course to Ada, and send the mail. Returns the id of the assignment."""
    job = mails.assign("ada", **{"dueOn": "2026-06-30", "reason": "Refresh"} | fields)
    mails.deliver()
    found: str = mails.org.client().get("/v1/assignments", params={"jobId": job["id"]}).json()["items"][0]["id"]
    return found


def edit(mails: Correspondence, assignment_id: str, client: Any = None, **fields: Any) -> None:
    """Change an assignment through the API."""
    answer = (client or mails.org.client()).patch(f"/v1/assignments/{assignment_id}", json=fields)
    assert answer.status_code == 200, answer.text


def act(mails: Correspondence, assignment_id: str, what: str, **fields: Any) -> None:
    """Close, reopen, reassign or complete an assignment through the API."""
    answer = mails.org.client().post(f"/v1/assignments/{assignment_id}/{what}", json=fields)
    assert answer.status_code == 200, answer.text


def codes(mails: Correspondence) -> list[str | None]:
    """The codes of the deliveries to Ada."""
    return [code for receiver, _, code in mails.states() if receiver == "ada"]


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


# --- reminders by what is left


def reminded(mails: Correspondence) -> list[str]:
    """Record the reminders that are due, and send. Returns the subjects of the mails."""
    mails.worker.send("assignments.remind_organization", mails.org.id)
    mails.worker.drain()
    return [mail["Subject"] for mail in mails.deliver()]


@pytest.mark.parametrize("days", [0, 1, 3, 7, 8, 20])
def test_a_corrected_due_date_gets_the_reminder_that_still_helps_once_and_the_later_ones(
    mails: Correspondence, days: int
) -> None:
    """The assignment was overdue, and told as that; its due date is moved to so many days on."""
    with time_machine.travel(MADE, tick=False):
        mails.add_parties(ADA)
        one = assigned(mails)
    start = datetime(2026, 7, 8, 12, tzinfo=UTC)
    with time_machine.travel(start, tick=False):
        assert reminded(mails) == [f"{TITLE}: overdue since 30 June 2026"]
        edit(mails, one, dueOn=(start + timedelta(days=days)).date().isoformat())
        assert len(mails.deliver()) == 1
    subjects = []
    for day in range(days + 3):
        for _ in range(2):
            with time_machine.travel(start + timedelta(days=day, hours=1), tick=False):
                subjects += [(days - day, subject) for subject in reminded(mails)]
    left = sorted({min(days, 7), min(days, 1)} if days else {0}, reverse=True)
    words = {0: "today", 1: "tomorrow"}
    expected = [(n, f"{TITLE}: due {words.get(n, f'in {n} days')}") for n in left]
    due = (start + timedelta(days=days)).date()
    assert subjects == [*expected, (-1, f"{TITLE}: overdue since {due.day} July 2026")]


def test_a_reminder_that_waited_is_sent_until_the_next_ones_day_has_come(june: Correspondence) -> None:
    assigned(june, dueOn="2026-06-10")
    with time_machine.travel("2026-06-07T12:00:00Z", tick=False):  # nobody has looked since 3 June
        june.worker.send("assignments.remind_organization", june.org.id)
        june.worker.drain()
        june.plan()
    with time_machine.travel("2026-06-09T12:00:00Z", tick=False):
        assert june.deliver() == []
        assert codes(june)[-1] == "stale"
        assert reminded(june) == [f"{TITLE}: due tomorrow"]


def test_a_due_date_moved_there_and_back_is_not_reminded_twice(june: Correspondence) -> None:
    one = assigned(june, dueOn="2026-06-10")
    with time_machine.travel("2026-06-04T09:00:00Z", tick=False):
        assert reminded(june) == [f"{TITLE}: due in 6 days"]
        for day in ("2026-07-08", "2026-06-10"):
            edit(june, one, dueOn=day)
            assert len(june.deliver()) == 1
        assert reminded(june) == []
        assert codes(june)[-1] == "already-told"


# --- licences


def patch(mails: Correspondence, licence_id: object, client: Any = None, **fields: Any) -> None:
    """Correct a licence through the API."""
    answer = (client or mails.org.client()).patch(f"/v1/licences/{licence_id}", json={"reason": "Typo"} | fields)
    assert answer.status_code == 200, answer.text


def swept(mails: Correspondence) -> list[str]:
    """Sweep now, and send. Returns the subjects of the mails."""
    sweep(mails.org, clock.now())
    return [mail["Subject"] for mail in mails.deliver()]


def test_a_licence_corrected_to_three_days_on_gets_the_correction_and_one_notice(mails: Correspondence) -> None:
    """The three notices were suppressed as stale: their own days had passed."""
    one = licensed(mails, "ada")
    with time_machine.travel("2026-11-01T12:00:00Z", tick=False):
        patch(mails, one.id, expiresAt="2026-11-04T12:00:00Z")
        (mail,) = mails.deliver()
        assert mail["Subject"] == f"{TITLE}: licence now valid until 4 November 2026"
        assert "which was 1 September 2027. It is now valid until 4 November 2026." in plain(mail).replace("\n", " ")
        assert "Reason: Typo" in plain(mail)
    subjects = []
    for hours in range(1, 100, 6):
        with time_machine.travel(datetime(2026, 11, 1, 12, tzinfo=UTC) + timedelta(hours=hours), tick=False):
            subjects += swept(mails)
    assert subjects == [f"{TITLE}: licence expires in 3 days", f"{TITLE}: licence expired on 4 November 2026"]


def test_a_correction_and_its_notice_in_one_batch_are_one_mail(mails: Correspondence) -> None:
    one = licensed(mails, "ada")
    with time_machine.travel("2026-11-01T12:00:00Z", tick=False):
        patch(mails, one.id, expiresAt="2026-11-04T12:00:00Z")
        assert swept(mails) == ["2 notices about your training"]


def test_a_licence_of_a_month_gets_no_notice_of_sixty_days(mails: Correspondence) -> None:
    one = licensed(mails, "ada", course=mails.org.with_course(licenceMonths=1))
    subjects = []
    for day in range(31):
        with time_machine.travel(one.granted_at + timedelta(days=day, hours=1), tick=False):
            subjects += swept(mails)
    assert subjects == [f"{TITLE}: licence expires in 7 days", f"{TITLE}: licence expired on 1 October 2026"]


def test_a_notice_that_is_late_is_sent_while_it_helps(mails: Correspondence) -> None:
    """The sweep was away for 20 days: forty days are left, and the next notice comes at thirty."""
    one = licensed(mails, "ada")
    with time_machine.travel(one.expires_at - timedelta(days=40), tick=False):
        assert swept(mails) == [f"{TITLE}: licence expires in 40 days"]
    with time_machine.travel(one.expires_at - timedelta(days=5), tick=False):
        assert swept(mails) == [f"{TITLE}: licence expires in 5 days"]
    assert codes(mails)[-2:] == ["stale", "delivered"]


def test_an_end_corrected_to_the_past_is_told_once(mails: Correspondence) -> None:
    one = licensed(mails, "ada")
    with time_machine.travel("2026-12-01T12:00:00Z", tick=False):
        patch(mails, one.id, expiresAt="2026-11-30T12:00:00Z")
        (mail,) = mails.deliver()
        assert mail["Subject"] == f"{TITLE}: licence ended on 30 November 2026"
        assert swept(mails) == []
        assert codes(mails)[-1] == "already-told"


def test_corrections_that_change_nothing_told_or_are_over_send_no_mail(mails: Correspondence) -> None:
    one = licensed(mails, "ada", "bob")
    client = mails.org.client()
    (bobs,) = client.get("/v1/licences", params={"partyId": "bob"}).json()["items"]
    with time_machine.travel("2026-11-01T12:00:00Z", tick=False):
        patch(mails, one.id, note="Seen the papers")
        for at in ("2027-10-01T12:00:00Z", one.expires_at.isoformat()):
            patch(mails, one.id, expiresAt=at)
        patch(mails, bobs["id"], client=mails.org.client(member="m-bob"), expiresAt="2027-10-01T12:00:00Z")
        assert mails.deliver() == []
        assert [code for *_, code in mails.states()][-3:] == ["licence-changed", "already-told", "own-act"]
        patch(mails, one.id, expiresAt="2027-10-01T12:00:00Z")
        answer = mails.org.client().post(f"/v1/licences/{one.id}/revoke", json={"reason": "Failed"})
        assert answer.status_code == 200, answer.text
        assert [mail["Subject"] for mail in mails.deliver()] == [f"{TITLE}: licence revoked"]
