"""Adding organizations, and switching what they may use."""

from datetime import datetime
from zoneinfo import available_timezones

from sqlalchemy import insert, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from shared import events
from shared.access.models import Organization
from shared.database import current_org
from shared.errors import Conflict, Fault, InvalidInput
from shared.events import Actor, Fact


class OrganizationExists(Conflict):
    """The id is taken."""

    slug, title = "organization-exists", "Organization exists"


def check_time_zone(name: str, pointer: str) -> None:
    """Raise InvalidInput unless `name` is an IANA time zone."""
    if name not in available_timezones():
        raise InvalidInput(Fault(pointer, "This is not an IANA time zone; an example is Europe/Amsterdam."))


def add_organization(db: Session, *, name: str, time_zone: str, actor: Actor, now: datetime) -> Organization:
    """Add the organization that this transaction works for. Raises OrganizationExists, InvalidInput."""
    org_id = current_org(db)
    check_time_zone(time_zone, "/timeZone")
    try:
        added: Organization | None = db.scalar(
            insert(Organization)
            .values(id=org_id, name=name, time_zone=time_zone, created_at=now)
            .returning(Organization)
        )
    except IntegrityError as error:
        raise OrganizationExists(f"The organization {org_id} is there already; nothing was changed.") from error
    assert added is not None
    events.open_stream(db)
    events.record(db, actor, now, Fact("organization.added", f"organization/{org_id}"))
    return added


def entitle(db: Session, *, training: bool, actor: Actor, now: datetime) -> None:
    """Grant or withhold training by entitlement: the operator's switch. Deletes nothing."""
    _switch(db, "training_entitled", training, "organization.entitlement_changed", actor, now)


def enable(db: Session, *, training: bool, actor: Actor, now: datetime) -> None:
    """Enable or disable training in the organization: its administrator's switch. Deletes nothing."""
    _switch(db, "training_enabled", training, "organization.availability_changed", actor, now)


def _switch(db: Session, column: str, on: bool, type: str, actor: Actor, now: datetime) -> None:
    org_id = current_org(db)
    changed = db.scalar(
        update(Organization)
        .where(Organization.id == org_id, getattr(Organization, column) != on)
        .values({column: on})
        .returning(Organization.id)
    )
    if changed is not None:
        events.record(db, actor, now, Fact(type, f"organization/{org_id}", {"training": on}))
