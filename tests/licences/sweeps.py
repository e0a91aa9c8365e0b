"""Sweeps for tests: licences with a given end, runs of the sweep, and the events that it published."""

import uuid
from datetime import datetime, timedelta

from sqlalchemy import insert, select

from shared import licences
from shared.events import Event
from shared.licences import Licence
from shared.services import sweeps
from shared.services.sweeps import Step
from tests.factories import OPERATOR, Org
from tests.licences.earning import a_session, active_version

DAY = timedelta(days=1)
FEATURES = frozenset({"training"})
Published = tuple[str, str, int | None]
"""An event of the sweep: its type, the party, and for a notice the number of days before the end."""


def put_licences(org: Org, course_id: str, ends: dict[str, datetime], **values: object) -> None:
    """Insert a licence for each party, which ends at the given instant. values: further columns."""
    session_id = a_session(org, course_id)
    with org.transaction() as db:
        same = {
            "org_id": org.id,
            "course_id": uuid.UUID(course_id),
            "course_version_id": active_version(db, course_id),
            "session_id": session_id,
            "granted_by_type": "member",
            "granted_by_id": "member-1",
            "months": 12,
            "rule": "monthsFromGrant",
        }
        rows = [
            same | {"party_id": party, "expires_at": end, "granted_at": end - 365 * DAY} | values
            for party, end in ends.items()
        ]
        db.execute(insert(Licence), rows)


def request_sweep(org: Org, now: datetime) -> uuid.UUID:
    """Request a run of the sweep. Returns its id."""
    with org.transaction() as db:
        return licences.ask_sweep(db, OPERATOR, now).id


def take_step(org: Org, now: datetime) -> Step:
    """Take one step of the organization's sweep, in one transaction."""
    with org.transaction() as db:
        return sweeps.take_step(db, FEATURES, 2, now)


def sweep(org: Org, now: datetime) -> Step:
    """Request a sweep at this instant and take its steps until there is no more to do."""
    request_sweep(org, now)
    while (taken := take_step(org, now)) is Step.MORE:
        pass
    return taken


def published(org: Org) -> list[Published]:
    """Returns what the sweep has published, in the order of the events."""
    with org.transaction() as db:
        found = db.scalars(
            select(Event).where(Event.type.in_(["licence.expiring", "licence.expired"])).order_by(Event.sequence)
        ).all()
    return [(event.type, str(event.party_id), event.data.get("daysBefore")) for event in found]


def notice(party: str, days: int) -> Published:
    """A notice, this number of days before the end."""
    return "licence.expiring", party, days


def end(party: str) -> Published:
    """The event that a licence has ended."""
    return "licence.expired", party, None


def all_of(party: str) -> list[Published]:
    """All events of one licence, in their order."""
    return [notice(party, 60), notice(party, 30), notice(party, 7), end(party)]
