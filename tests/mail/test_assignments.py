"""Mails about assignments: the right words, link and day, and no mail that is not true any more."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine

from shared import clock, deliveries
from shared.deliveries import Envelope, Letter
from shared.settings import Settings
from tests.assignments.asking import deactivate
from tests.assignments.links import anybody
from tests.mail.correspondence import ADA, BOB, Correspondence, html, links, plain, switch_mail


def test_a_party_without_an_account_gets_a_link_that_completes_the_assignment(mails: Correspondence) -> None:
    mails.add_parties(ADA)
    course = mails.org.with_course(label="v3.2")
    mails.assign("ada", course=course, dueOn="2099-06-30", reason="Refresh, Q2")
    (mail,) = mails.deliver()
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
def test_a_member_gets_a_link_to_the_product_page(
    mails: Correspondence, configured: Settings, monkeypatch: pytest.MonkeyPatch, page: str | None
) -> None:
    """Without a product page the mail has no link."""
    changes = {"smtp_url": mails.server.url, "member_url": page}
    monkeypatch.setattr("worker.mail.config", configured.model_copy(update=changes))
    mails.add_parties(BOB)
    mails.assign("bob")
    (mail,) = mails.deliver()
    (assignment,) = mails.org.client().get("/v1/assignments").json()["items"]
    assert links(mail) == ([f"https://crew.example/training/{assignment['id']}?from=mail"] if page else [])
    assert "yours alone" not in plain(mail)


def test_each_party_gets_one_mail(mails: Correspondence) -> None:
    mails.add_parties(ADA, BOB)
    mails.assign("ada", "bob")
    assert len(mails.deliver()) == 2
    assert mails.deliver() == []
    mails.send()
    assert sorted(mails.server.recipients) == ["ada@crew.example", "bob@crew.example"]


@pytest.mark.parametrize(
    ("party", "code"),
    [
        (ADA | {"email": None}, "no-address"),
        (ADA | {"active": False}, "party-inactive"),
    ],
)
def test_a_party_without_an_address_or_inactive_gets_no_mail(
    mails: Correspondence, party: dict[str, object], code: str
) -> None:
    mails.add_parties(ADA)
    mails.assign("ada")
    mails.add_parties(party)
    assert mails.deliver() == []
    assert mails.states() == [("ada", "suppressed", code)]


def test_an_erased_party_gets_no_mail(mails: Correspondence) -> None:
    mails.add_parties(ADA)
    mails.assign("ada")
    mails.org.client().post("/v1/parties/ada/erase")
    assert mails.deliver() == []
    assert mails.states() == [("ada", "suppressed", "party-erased")]


@pytest.mark.parametrize(
    ("what", "code"),
    [
        ("complete", "assignment-completed"),
        ("close", "assignment-closed"),
        ("reassign", "assignment-reassigned"),
    ],
)
def test_a_mail_about_an_assignment_that_is_not_open_any_more_is_suppressed(
    mails: Correspondence, what: str, code: str
) -> None:
    mails.add_parties(ADA, BOB)
    job = mails.assign("ada")
    client = mails.org.client()
    (item,) = client.get("/v1/assignments", params={"jobId": job["id"]}).json()["items"]
    other = {"recipient": {"entityType": "party", "entityId": "bob"}} if what == "reassign" else {}
    asked = {} if what == "complete" else {"reason": "No longer needed"} | other
    assert client.post(f"/v1/assignments/{item['id']}/{what}", json=asked).status_code == 200
    assert [mail["To"] for mail in mails.deliver()] == (["Bob Okafor <bob@crew.example>"] if other else [])
    assert mails.states()[0] == ("ada", "suppressed", code)


def test_a_job_without_notifications_sends_no_mail(mails: Correspondence) -> None:
    mails.add_parties(ADA)
    mails.assign("ada", notify=False, dueOn="2099-06-30")
    assert mails.deliver() == []
    assert mails.states() == [("ada", "suppressed", "not-wanted")]


def test_reminders_count_the_days_from_the_day_on_which_they_are_sent(mails: Correspondence) -> None:
    with time_machine.travel("2026-06-01T09:00:00Z", tick=False):
        mails.add_parties(ADA)
        mails.assign("ada", dueOn="2026-06-30")
        mails.deliver()
    subjects = []
    for day in ("2026-06-23", "2026-06-29", "2026-07-01", "2026-07-07", "2026-07-30"):
        with time_machine.travel(f"{day}T12:00:00Z", tick=False):
            mails.worker.send("assignments.remind_organization", mails.org.id)
            mails.worker.drain()
            mails.plan()
        late = "2026-06-24T12:00:00Z" if day == "2026-06-23" else f"{day}T12:01:00Z"
        with time_machine.travel(late, tick=False):
            subjects += [mail["Subject"] for mail in mails.deliver()]
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
        ("2026-06-26T12:00:00Z", None, "delivered"),
        ("2026-06-26T12:00:01Z", None, "stale"),
        ("2026-06-24T12:00:00Z", "2026-07-15", "due-date-changed"),
        ("2026-06-24T12:00:00Z", "2026-06-30", "delivered"),
    ],
)
def test_a_reminder_that_is_late_or_has_another_due_date_is_not_sent(
    mails: Correspondence, at: str, due_on: str | None, code: str
) -> None:
    with time_machine.travel("2026-06-01T09:00:00Z", tick=False):
        mails.add_parties(ADA)
        job = mails.assign("ada", dueOn="2026-06-30")
        mails.deliver()
    with time_machine.travel("2026-06-23T12:00:00Z", tick=False):
        mails.worker.send("assignments.remind_organization", mails.org.id)
        mails.worker.drain()
        mails.plan()
    with time_machine.travel(at, tick=False):
        client = mails.org.client()
        (item,) = client.get("/v1/assignments", params={"jobId": job["id"]}).json()["items"]
        if due_on:
            assert client.patch(f"/v1/assignments/{item['id']}", json={"dueOn": due_on}).status_code == 200
        mails.deliver()
    assert mails.states()[1][2] == code


def test_events_of_last_week_send_no_mails(mails: Correspondence) -> None:
    with time_machine.travel("2026-06-01T09:00:00Z", tick=False):
        mails.add_parties(ADA, BOB)
        mails.assign("ada", "bob")
    assert mails.deliver_at("2026-06-09T09:00:00Z") == []
    assert {code for _, _, code in mails.states()} == {"stale"}


def test_a_party_gets_at_most_five_mails_a_day(mails: Correspondence) -> None:
    mails.add_parties(ADA, BOB)
    courses = [mails.org.with_course() for _ in range(7)]
    for course in courses:
        mails.assign("ada", course=course)
        mails.deliver()
    mails.assign("bob", course=courses[0])
    mails.deliver()
    assert [code for receiver, _, code in mails.states() if receiver == "ada"] == 5 * ["delivered"] + 2 * [
        "daily-limit"
    ]
    assert mails.states()[-1] == ("bob", "sent", "delivered")


def test_mails_settled_at_one_instant_count_one_by_one(mails: Correspondence) -> None:
    mails.add_parties(ADA)
    with time_machine.travel("2026-06-01T09:00:00Z", tick=False):
        for _ in range(7):
            mails.assign("ada", course=mails.org.with_course())
            mails.deliver()
    assert len({row.settled_at for row in mails.rows()}) == 1
    assert [code for _, _, code in mails.states()] == 5 * ["delivered"] + 2 * ["daily-limit"]


def test_a_mail_that_cannot_be_composed_stops_no_other(mails: Correspondence, monkeypatch: pytest.MonkeyPatch) -> None:
    from worker import mail

    def compose(letter: Letter, *rest: Any) -> Envelope:
        if letter.name == "Bob Okafor":
            raise ZeroDivisionError
        return deliveries.compose(letter, *rest)

    monkeypatch.setattr(mail, "compose", compose)
    mails.add_parties(ADA, BOB, {"entityId": "cleo", "displayName": "Cleo", "email": f"cleo@{'x' * 70}.example"})
    mails.assign("ada", "bob", "cleo")
    assert [mail["To"].addresses[0].addr_spec for mail in mails.deliver()] == ["ada@crew.example"]
    assert mails.states() == [
        ("ada", "sent", "delivered"),
        ("bob", "queued", "failed-here"),
        ("cleo", "failed", "address-unusable"),
    ]


def test_no_mail_is_planned_while_mail_is_switched_off(mails: Correspondence) -> None:
    """Nor later, when it is on: mails about earlier months would flood the parties."""
    mails.add_parties(ADA)
    mails.assign("ada")
    switch_mail(mails.org, False)
    assert (mails.deliver(), mails.states()) == ([], [])
    switch_mail(mails.org, True)
    assert (mails.deliver(), mails.states()) == ([], [])


def test_planned_mails_are_suppressed_once_mail_is_switched_off(mails: Correspondence) -> None:
    mails.add_parties(ADA)
    mails.assign("ada")
    mails.plan()
    switch_mail(mails.org, False)
    mails.send()
    assert mails.states() == [("ada", "suppressed", "mail-not-configured")]


def test_a_process_without_a_mail_server_plans_mails_and_leaves_them_to_one_that_has_it(
    mails: Correspondence, monkeypatch: pytest.MonkeyPatch
) -> None:
    from worker import mail

    mails.add_parties(ADA)
    mails.assign("ada")
    with monkeypatch.context() as without:
        without.setattr(mail, "post", mail.Post())
        without.setattr(mail, "config", mails.org.parts.settings)
        assert mails.deliver() == []
        assert mails.states() == [("ada", "queued", None)]
    assert [sent["To"] for sent in mails.deliver()] == ["Ada Lindqvist <ada@crew.example>"]


def test_a_mail_that_waited_for_more_than_three_days_is_stale(mails: Correspondence) -> None:
    mails.add_parties(ADA)
    mails.assign("ada")
    mails.plan()
    with time_machine.travel(clock.now() + timedelta(days=3, minutes=1)):
        assert mails.deliver() == []
    assert mails.states() == [("ada", "suppressed", "stale")]


def test_a_party_that_became_inactive_stops_no_other_mail(mails: Correspondence) -> None:
    mails.add_parties(ADA, BOB)
    mails.assign("ada", "bob")
    deactivate(mails.org, "ada")
    assert [mail["To"] for mail in mails.deliver()] == ["Bob Okafor <bob@crew.example>"]


def test_mails_of_an_organization_without_training_wait(mails: Correspondence) -> None:
    mails.add_parties(ADA)
    mails.assign("ada")
    mails.plan()
    admin = mails.org.client()
    assert admin.put("/v1/availability", json={"enabled": False}).status_code == 200
    mails.send()
    assert (mails.server.mails, mails.states()) == ([], [("ada", "queued", None)])
    assert admin.put("/v1/availability", json={"enabled": True}).status_code == 200
    mails.send()
    assert mails.states() == [("ada", "sent", "delivered")]
