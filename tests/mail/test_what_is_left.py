"""Notices and reminders by mail: the one that still helps is sent, once, also after a date was moved."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine

from shared import clock
from tests.feed import recorded
from tests.licences.sweeps import sweep
from tests.mail.changing import TITLE, act, assigned, codes, edit
from tests.mail.correspondence import ADA, Correspondence, plain
from tests.mail.test_licences import licensed

# --- assignments


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
    with time_machine.travel("2026-06-01T09:00:00Z", tick=False):
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
        assert mail["Subject"] == f"{TITLE}: licence now valid until 4 November 2026, 12:00 (UTC)"
        told = "which was 1 September 2027, 12:00 (UTC). It is now valid until 4 November 2026, 12:00 (UTC)."
        assert told in plain(mail).replace("\n", " ")
        assert "Reason: Typo" in plain(mail)
    subjects = []
    for hours in range(1, 100, 6):
        with time_machine.travel(datetime(2026, 11, 1, 12, tzinfo=UTC) + timedelta(hours=hours), tick=False):
            subjects += swept(mails)
    assert subjects == [
        f"{TITLE}: licence expires in 3 days",
        f"{TITLE}: licence expired on 4 November 2026, 12:00 (UTC)",
    ]


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
    assert subjects == [
        f"{TITLE}: licence expires in 7 days",
        f"{TITLE}: licence expired on 1 October 2026, 12:00 (UTC)",
    ]


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
        assert mail["Subject"] == f"{TITLE}: licence ended on 30 November 2026, 12:00 (UTC)"
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


def test_a_licence_granted_again_by_an_undo_gets_one_notice(mails: Correspondence) -> None:
    """It has the dates of the former one, and got all notices whose day has passed."""
    with time_machine.travel("2026-06-01T12:00:00Z", tick=False):
        mails.add_parties(ADA)
        one = assigned(mails, course=mails.org.with_course(licenceMonths=12, licenceOn="completion"), dueOn=None)
        act(mails, one, "complete")
        mails.deliver()
    with time_machine.travel("2027-05-22T12:00:00Z", tick=False):
        assert swept(mails) == [f"{TITLE}: licence expires in 10 days"]
        client = mails.org.client()
        job = client.post("/v1/assignments/reopen", json={"assignmentIds": [one], "reason": "Slip"}).json()
        mails.worker.drain(mails.org.id)
        assert client.post(f"/v1/jobs/{job['id']}/undo").status_code == 202
        mails.worker.drain(mails.org.id)
        mails.deliver()
        assert swept(mails) == [f"{TITLE}: licence expires in 10 days"]
    assert [event.data["daysBefore"] for event in recorded(mails.org, "licence.expiring")] == [60, 30, 30]
