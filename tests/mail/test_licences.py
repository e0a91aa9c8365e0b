"""Mails about licences, and those that are not true any more when they are due."""

from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from sqlalchemy import select, update

from shared import clock, events
from shared.events import Actor, Fact
from shared.licences import Licence
from tests.mail.correspondence import ADA, BOB, Correspondence, links, plain
from tests.sessions.sitting import add, complete, schedule

WHEN = {"startsAt": "2026-09-01T07:00:00Z", "endsAt": "2026-09-01T10:30:00Z", "timeZone": "Europe/Oslo"}
GRANTED = "2026-09-01T12:00:00Z"
SWEEP = Actor("system", "sweep")


def licensed(mails: Correspondence, *parties: str, course: str | None = None) -> Licence:
    """Complete a session for these parties, and send the mails. Returns the licence of the first party."""
    with time_machine.travel(GRANTED, tick=False):
        mails.add_parties(ADA, BOB)
        session_id = schedule(mails.org, course or mails.org.with_course(licenceMonths=12), **WHEN)
        add(mails.org, session_id, *parties)
        complete(mails.org, mails.worker, session_id)
        mails.deliver()
        return licence(mails, parties[0])


def licence(mails: Correspondence, party: str) -> Licence:
    """The party's latest licence."""
    with mails.org.transaction() as db:
        of_party = select(Licence).where(Licence.org_id == mails.org.id, Licence.party_id == party)
        return db.scalars(of_party.order_by(Licence.id.desc()).limit(1)).one()


def happened(mails: Correspondence, one: Licence, type: str, data: dict[str, Any], **columns: Any) -> None:
    """Change a licence's row and record the event, as the sweep or a member would."""
    with mails.org.transaction() as db:
        if columns:
            db.execute(update(Licence).where(Licence.org_id == one.org_id, Licence.id == one.id).values(columns))
        events.record(db, SWEEP, clock.now(), Fact(type, f"licence/{one.id}", data, one.party_id))


def test_a_mail_about_a_granted_licence_links_to_it_by_its_code(mails: Correspondence) -> None:
    one = licensed(mails, "ada", "bob")
    assert sorted(mails.server.recipients) == ["ada@crew.example", "bob@crew.example"]
    mail = next(mail for mail in mails.server.mails if "Ada" in mail["To"])
    assert mail["Subject"] == "Hydrogen-sulfide response: licence granted, valid until 1 September 2027, 12:00 (UTC)"
    assert links(mail) == [f"{mails.org.parts.settings.public_url}/verify/{one.code}"]
    assert f"Licence code: {one.code[:4]}-{one.code[4:8]}-{one.code[8:12]}-{one.code[12:]}" in plain(mail)


@pytest.mark.parametrize(
    ("type", "days_before", "at", "subject"),
    [
        ("licence.expiring", 60, "2027-07-03T12:30:00Z", "licence expires in 60 days"),
        ("licence.expiring", 7, "2027-08-26T12:30:00Z", "licence expires in 6 days"),
        ("licence.expired", None, "2027-09-01T12:00:01Z", "licence expired on 1 September 2027, 12:00 (UTC)"),
        ("licence.revoked", None, "2027-03-01T12:00:00Z", "licence revoked"),
    ],
)
def test_the_end_of_a_licence_is_sent_by_mail(
    mails: Correspondence, type: str, days_before: int | None, at: str, subject: str
) -> None:
    one = licensed(mails, "ada")
    data: dict[str, Any] = {"expiresAt": one.expires_at.isoformat()} | (
        {} if days_before is None else {"daysBefore": days_before}
    )
    columns = {"revocation_reason": "Examined again and failed"} if type == "licence.revoked" else {}
    with time_machine.travel(at, tick=False):
        if columns:
            columns |= {"revoked_at": clock.now(), "revoked_by_type": "member", "revoked_by_id": "m"}  # type: ignore[dict-item]
        happened(mails, one, type, data, **columns)
        (mail,) = mails.deliver()
    assert mail["Subject"] == f"Hydrogen-sulfide response: {subject}"
    assert ("Reason: Examined again and failed" in plain(mail)) is bool(columns)


NOTICE = "2027-08-02T12:00:00Z"
"""Thirty days before the end."""


@pytest.mark.parametrize(
    ("type", "days_before", "at", "columns", "code"),
    [
        ("licence.expiring", 30, NOTICE, {"superseded_at": NOTICE}, "licence-superseded"),
        ("licence.expiring", 30, NOTICE, {"revoked_at": NOTICE}, "licence-revoked"),
        ("licence.expired", None, GRANTED, {"revoked_at": GRANTED}, "licence-revoked"),
        ("licence.expiring", 30, NOTICE, {"expires_at": "2028-01-01T00:00:00Z"}, "licence-changed"),
        ("licence.expiring", 60, NOTICE, {}, "stale"),
        ("licence.expiring", 30, "2027-08-25T12:00:00Z", {}, "stale"),
        ("licence.expiring", 30, "2027-09-02T12:00:00Z", {}, "licence-expired"),
        ("licence.expired", None, "2027-09-05T12:00:00Z", {}, "stale"),
        ("licence.granted", None, NOTICE, {"superseded_at": NOTICE}, "licence-superseded"),
    ],
)
def test_a_mail_about_a_licence_that_is_not_true_any_more_is_suppressed(
    mails: Correspondence, type: str, days_before: int | None, at: str, columns: dict[str, str], code: str
) -> None:
    one = licensed(mails, "ada")
    data: dict[str, Any] = {"expiresAt": one.expires_at.isoformat()} | (
        {} if days_before is None else {"daysBefore": days_before}
    )
    before = len(mails.server.mails)
    with time_machine.travel(at, tick=False):
        changed = {name: datetime.fromisoformat(value) for name, value in columns.items()}
        happened(mails, one, type, data, **changed)
        mails.deliver()
    assert len(mails.server.mails) == before
    assert mails.states()[-1] == ("ada", "suppressed", code)


def test_of_several_late_notices_about_a_licence_the_last_is_sent(mails: Correspondence) -> None:
    one = licensed(mails, "ada")
    end = {"expiresAt": one.expires_at.isoformat()}
    with time_machine.travel(one.expires_at + timedelta(hours=1), tick=False):
        for days in (60, 30, 7):
            happened(mails, one, "licence.expiring", end | {"daysBefore": days})
        happened(mails, one, "licence.expired", end)
        (mail,) = mails.deliver()
    assert mail["Subject"] == "Hydrogen-sulfide response: licence expired on 1 September 2027, 12:00 (UTC)"
    assert [code for *_, code in mails.states()][-4:] == 3 * ["licence-expired"] + ["delivered"]


def test_the_licences_of_one_person_that_one_job_revokes_are_one_mail_and_so_is_their_undo(
    mails: Correspondence,
) -> None:
    with time_machine.travel(GRANTED, tick=False):
        mails.add_parties(ADA)
        for title in ("Fall arrest", "Rescue at height"):
            session_id = schedule(mails.org, mails.org.with_course(title=title), **WHEN)
            add(mails.org, session_id, "ada")
            complete(mails.org, mails.worker, session_id)
        mails.deliver()
        sent = {"filter": {"all": True}, "reason": "The instructor had no certificate"}
        job = mails.org.client().post("/v1/licences/revoke", json=sent).json()
        mails.worker.drain(mails.org.id)
        (revoked,) = mails.deliver()
        mails.org.client().post(f"/v1/jobs/{job['id']}/undo")
        mails.worker.drain(mails.org.id)
        (again,) = mails.deliver()
    assert plain(revoked).count("revoked") >= 2
    assert revoked["Subject"] == again["Subject"] == "2 notices about your training"
