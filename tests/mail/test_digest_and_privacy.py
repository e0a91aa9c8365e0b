"""The digest: one mail for the notices of one job to a party. And privacy: names and links are only in the mail."""

import io
import uuid
from typing import Any

import time_machine
from sqlalchemy import select

from shared import clock, deliveries, events
from shared.assignments import Assignment
from shared.deliveries import Channel
from shared.events import Actor, Fact, cloud_event
from shared.settings import Settings
from tests.factories import count_statements
from tests.feed import recorded
from tests.mail.correspondence import ADA, BOB, Correspondence, links, plain
from tests.test_privacy import everything_in, logged, stored

__all__ = ["logged"]  # a fixture


def test_the_notices_of_one_job_to_a_party_are_one_mail(mails: Correspondence) -> None:
    mails.add_parties(ADA)
    courses = [mails.org.with_course(title=title) for title in ("Fall arrest", "Rescue at height")]
    for course in courses:
        mails.assign("ada", course=course)
    with mails.org.transaction() as db:  # as events of one job
        ids = db.scalars(select(Assignment.id).where(Assignment.org_id == mails.org.id).order_by(Assignment.id)).all()
        job = {"jobId": str(uuid.UUID(int=9))}
        facts = [Fact("assignment.created", f"assignment/{one}", job, "ada") for one in ids]
        events.record(db, Actor("member", "m"), clock.now(), *facts)
    found = mails.deliver()
    assert sorted(str(mail["Subject"]) for mail in found) == [
        "2 notices about your training",
        "Fall arrest: assigned to you",
        "Rescue at height: assigned to you",
    ]
    (digest,) = [mail for mail in found if mail["Subject"].startswith("2")]
    assert len(links(digest)) == 2
    ours = [row for row in mails.rows() if row.job_id == uuid.UUID(int=9)]
    assert [(row.state, row.attempts) for row in ours] == [("sent", 1), ("sent", 1)]
    assert len({row.settled_at for row in ours}) == 1
    assert digest["Message-ID"] == f"<{min(row.id for row in ours)}@training.example>"


def test_a_digest_in_doubt_is_sent_again_complete_with_the_same_message_id(mails: Correspondence) -> None:
    mails.add_parties(ADA)
    with time_machine.travel("2026-06-01T09:00:00Z", tick=False):
        for title in ("Fall arrest", "Rescue at height"):
            mails.assign("ada", course=mails.org.with_course(title=title), dueOn="2026-06-30")
        mails.deliver()
    with time_machine.travel("2026-06-23T12:00:00Z", tick=False):
        mails.worker.send("assignments.remind_organization", mails.org.id)
        mails.worker.drain()
        mails.server.on_data = "drop"
        (first,) = mails.deliver()
    mails.server.on_data = None
    (second,) = mails.deliver_at("2026-06-23T12:01:00Z")
    assert first["Subject"] == second["Subject"] == "2 notices about your training"
    assert first["Message-ID"] == second["Message-ID"]


def test_preparing_a_batch_takes_the_same_statements_for_any_number_of_mails(mails: Correspondence) -> None:
    from worker import mail

    counts = []
    for size in (3, 60):
        people = [{"entityId": f"p{size}-{n}", "displayName": "P", "email": f"p{n}@crew.example"} for n in range(size)]
        mails.add_parties(*people)
        mails.assign(*(str(one["entityId"]) for one in people))
        mails.plan()
        with mails.worker.database.transaction(mails.org.id) as db:
            claimed = deliveries.claim(db, Channel.EMAIL, clock.now(), 1000, 60)
            with count_statements(mails.worker.database.engine) as counted:
                assert len(mail._prepare(db, claimed, clock.now(), on=True)) == size
        counts.append(counted.count)
    assert counts[0] == counts[1]
    assert counts[0] < 12


def test_names_addresses_and_links_are_nowhere_but_in_the_mail(
    mails: Correspondence, logged: io.StringIO, configured: Settings
) -> None:
    """After success and after every kind of failure."""
    mails.add_parties(ADA | {"displayName": "Ottoline Quillfeather", "email": "ottoline@quillfeather.example"}, BOB)
    mails.server.on_recipient["ottoline@quillfeather.example"] = "451 Quillfeather is greylisted"
    mails.assign("ada", "bob")
    mails.deliver()
    mails.server.on_recipient.clear()
    with time_machine.travel(clock.now().timestamp() + 10, tick=True):
        mails.server.on_data = "554 Quillfeather refused"
        mails.send()
    mails.server.on_data = None
    mails.assign("ada")
    (mail,) = mails.deliver()
    (link,) = links(mail)
    assert "Quillfeather" in plain(mail)
    marks = ("uillfeather", link.rpartition("/")[2])
    places: dict[str, Any] = {
        "events": [cloud_event(event) for event in recorded(mails.org)],
        "tables": {name: rows for name, rows in stored(mails.org).items() if name != "party"},
        "redis": everything_in(configured.need_redis_url()),
        "log": logged.getvalue(),
    }
    assert "mail not taken" in places["log"]
    assert {place for place, found in places.items() for mark in marks if mark in str(found)} == set()
