"""What parties are told of their assignments: the right words, link and day, and nothing that is no longer true."""

from typing import Any

import pytest
import time_machine

from shared import deliveries
from shared.deliveries import Envelope, Letter
from shared.settings import Settings
from tests.assignments.asking import deactivate
from tests.assignments.links import anybody
from tests.mail.telling import ADA, BOB, Correspondence, html, links, plain


def test_a_party_without_an_account_gets_a_link_that_completes_it(mails: Correspondence) -> None:
    mails.know(ADA)
    course = mails.org.with_course(label="v3.2")
    mails.assign("ada", course=course, dueOn="2099-06-30", reason="Refresh, Q2")
    (mail,) = mails.tell()
    assert mail["Subject"] == "Hydrogen-sulfide response: assigned to you, due by 30 June 2099"
    assert mail["To"] == "Ada Lindqvist <ada@crew.example>"
    assert mail["From"] == "Test via Rollcall <rollcall@training.example>"
    assert mail["Auto-Submitted"] == "auto-generated"
    text = plain(mail)
    assert "Dear Ada Lindqvist,\n\nTest has assigned you Hydrogen-sulfide response v3.2." in text
    assert "\nReason: Refresh, Q2\n" in text
    (link,) = links(mail)
    assert f'href="{link}"' in html(mail)
    path = link.removeprefix(mails.org.parts.settings.public_url)
    assert path.startswith("/s/")
    assert anybody(mails.org).post(path).status_code == 303
    (row,) = mails.rows()
    assert (row.state, row.code, row.status, row.attempts) == ("sent", "delivered", 250, 1)
    assert mail["Message-ID"] == f"<{row.id}@training.example>"


@pytest.mark.parametrize("page", ["https://crew.example/training/{assignment_id}?from=mail", None])
def test_a_member_is_led_to_the_product(
    mails: Correspondence, configured: Settings, monkeypatch: pytest.MonkeyPatch, page: str | None
) -> None:
    """Where there is no such page, no link leads anywhere."""
    changes = {"smtp_url": mails.server.url, "member_url": page}
    monkeypatch.setattr("worker.mail.config", configured.model_copy(update=changes))
    mails.know(BOB)
    mails.assign("bob")
    (mail,) = mails.tell()
    (assignment,) = mails.org.client().get("/v1/assignments").json()["items"]
    assert links(mail) == ([f"https://crew.example/training/{assignment['id']}?from=mail"] if page else [])
    assert "yours alone" not in plain(mail)


def test_each_is_told_once(mails: Correspondence) -> None:
    mails.know(ADA, BOB)
    mails.assign("ada", "bob")
    assert len(mails.tell()) == 2
    assert mails.tell() == []
    mails.send()
    assert sorted(mails.server.recipients) == ["ada@crew.example", "bob@crew.example"]


@pytest.mark.parametrize(
    ("party", "code"),
    [
        (ADA | {"email": None}, "no-address"),
        (ADA | {"active": False}, "party-inactive"),
    ],
)
def test_who_cannot_be_told_is_not(mails: Correspondence, party: dict[str, object], code: str) -> None:
    mails.know(ADA)
    mails.assign("ada")
    mails.know(party)
    assert mails.tell() == []
    assert mails.states() == [("ada", "suppressed", code)]


def test_an_erased_party_is_not_told(mails: Correspondence) -> None:
    mails.know(ADA)
    mails.assign("ada")
    mails.org.client().post("/v1/parties/ada/erase")
    assert mails.tell() == []
    assert mails.states() == [("ada", "suppressed", "party-erased")]


@pytest.mark.parametrize(
    ("what", "code"),
    [
        ("complete", "assignment-completed"),
        ("close", "assignment-closed"),
        ("reassign", "assignment-reassigned"),
    ],
)
def test_what_is_no_longer_owed_is_not_told(mails: Correspondence, what: str, code: str) -> None:
    mails.know(ADA, BOB)
    job = mails.assign("ada")
    client = mails.org.client()
    (item,) = client.get("/v1/assignments", params={"jobId": job["id"]}).json()["items"]
    other = {"recipient": {"entityType": "party", "entityId": "bob"}} if what == "reassign" else {}
    asked = {} if what == "complete" else {"reason": "No longer needed"} | other
    assert client.post(f"/v1/assignments/{item['id']}/{what}", json=asked).status_code == 200
    assert [mail["To"] for mail in mails.tell()] == (["Bob Okafor <bob@crew.example>"] if other else [])
    assert mails.states()[0] == ("ada", "suppressed", code)


def test_nobody_is_notified_where_that_was_not_wanted(mails: Correspondence) -> None:
    mails.know(ADA)
    mails.assign("ada", notify=False, dueOn="2099-06-30")
    assert mails.tell() == []
    assert mails.states() == [("ada", "suppressed", "not-wanted")]


def test_reminders_say_how_long_it_is_on_the_day_they_are_sent(mails: Correspondence) -> None:
    with time_machine.travel("2026-06-01T09:00:00Z", tick=False):
        mails.know(ADA)
        mails.assign("ada", dueOn="2026-06-30")
        mails.tell()
    subjects = []
    for day in ("2026-06-23", "2026-06-29", "2026-07-01", "2026-07-07", "2026-07-30"):
        with time_machine.travel(f"{day}T12:00:00Z", tick=False):
            mails.workshop.send("assignments.remind_organization", mails.org.id)
            mails.workshop.drain()
            mails.plan()
        late = "2026-06-24T12:00:00Z" if day == "2026-06-23" else f"{day}T12:01:00Z"
        with time_machine.travel(late, tick=False):
            subjects += [mail["Subject"] for mail in mails.tell()]
    assert subjects == [
        "Hydrogen-sulfide response: due in 6 days",
        "Hydrogen-sulfide response: due tomorrow",
        "Hydrogen-sulfide response: overdue since 30 June 2026",
        "Hydrogen-sulfide response: overdue since 30 June 2026",
        "Hydrogen-sulfide response: overdue since 30 June 2026",
    ]
    assert "30 days ago" in plain(mails.server.mails[-1])


@pytest.mark.parametrize(
    ("at", "due_on", "code"),
    [
        ("2026-06-26T12:00:00Z", None, "stale"),
        ("2026-06-24T12:00:00Z", "2026-07-15", "due-date-changed"),
        ("2026-06-24T12:00:00Z", "2026-06-30", "delivered"),
    ],
)
def test_a_reminder_that_is_late_or_wrong_is_not_sent(
    mails: Correspondence, at: str, due_on: str | None, code: str
) -> None:
    with time_machine.travel("2026-06-01T09:00:00Z", tick=False):
        mails.know(ADA)
        job = mails.assign("ada", dueOn="2026-06-30")
        mails.tell()
    with time_machine.travel("2026-06-23T12:00:00Z", tick=False):
        mails.workshop.send("assignments.remind_organization", mails.org.id)
        mails.workshop.drain()
        mails.plan()
    with time_machine.travel(at, tick=False):
        client = mails.org.client()
        (item,) = client.get("/v1/assignments", params={"jobId": job["id"]}).json()["items"]
        if due_on:
            assert client.patch(f"/v1/assignments/{item['id']}", json={"dueOn": due_on}).status_code == 200
        mails.tell()
    assert mails.states()[1][2] == code


def test_what_was_recorded_weeks_ago_floods_nobody(mails: Correspondence) -> None:
    with time_machine.travel("2026-06-01T09:00:00Z", tick=False):
        mails.know(ADA, BOB)
        mails.assign("ada", "bob")
    assert mails.tell_at("2026-06-09T09:00:00Z") == []
    assert {code for _, _, code in mails.states()} == {"stale"}


def test_a_party_gets_so_many_mails_a_day(mails: Correspondence) -> None:
    mails.know(ADA, BOB)
    courses = [mails.org.with_course() for _ in range(7)]
    for course in courses:
        mails.assign("ada", course=course)
        mails.tell()
    mails.assign("bob", course=courses[0])
    mails.tell()
    assert [code for receiver, _, code in mails.states() if receiver == "ada"] == 5 * ["delivered"] + 2 * [
        "daily-limit"
    ]
    assert mails.states()[-1] == ("bob", "sent", "delivered")


def test_mails_that_were_settled_together_count_one_by_one(mails: Correspondence) -> None:
    mails.know(ADA)
    with time_machine.travel("2026-06-01T09:00:00Z", tick=False):
        for _ in range(7):
            mails.assign("ada", course=mails.org.with_course())
            mails.tell()
    assert len({row.settled_at for row in mails.rows()}) == 1
    assert [code for _, _, code in mails.states()] == 5 * ["delivered"] + 2 * ["daily-limit"]


def test_a_mail_that_cannot_be_written_costs_only_itself(
    mails: Correspondence, monkeypatch: pytest.MonkeyPatch
) -> None:
    from worker import mail

    def compose(letter: Letter, *rest: Any) -> Envelope:
        if letter.name == "Bob Okafor":
            raise ZeroDivisionError
        return deliveries.compose(letter, *rest)

    monkeypatch.setattr(mail, "compose", compose)
    mails.know(ADA, BOB, {"entityId": "cleo", "displayName": "Cleo", "email": f"cleo@{'x' * 70}.example"})
    mails.assign("ada", "bob", "cleo")
    assert [mail["To"].addresses[0].addr_spec for mail in mails.tell()] == ["ada@crew.example"]
    assert mails.states() == [
        ("ada", "sent", "delivered"),
        ("bob", "queued", "failed-here"),
        ("cleo", "failed", "address-unusable"),
    ]


def test_without_a_mail_server_nobody_is_planned_to_be_written_to(
    mails: Correspondence, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor later, when there is one: nobody wants to read what happened in the months before."""
    mails.know(ADA)
    mails.assign("ada")
    with monkeypatch.context() as without:
        without.setattr("worker.deliveries.config", mails.org.parts.settings)
        assert (mails.tell(), mails.states()) == ([], [])
    assert (mails.tell(), mails.states()) == ([], [])


def test_when_the_mail_server_is_taken_away_the_ledger_says_so(
    mails: Correspondence, monkeypatch: pytest.MonkeyPatch
) -> None:
    from worker import mail

    mails.know(ADA)
    mails.assign("ada")
    monkeypatch.setattr(mail, "post", mail.Post())
    monkeypatch.setattr(mail, "config", mails.org.parts.settings)
    assert mails.tell() == []
    assert mails.states() == [("ada", "suppressed", "mail-not-configured")]


def test_a_party_that_left_meanwhile_holds_up_nobody(mails: Correspondence) -> None:
    mails.know(ADA, BOB)
    mails.assign("ada", "bob")
    deactivate(mails.org, "ada")
    assert [mail["To"] for mail in mails.tell()] == ["Bob Okafor <bob@crew.example>"]
