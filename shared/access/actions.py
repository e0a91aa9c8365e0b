"""Adding organizations, and changing what they may use."""

from datetime import datetime

from sqlalchemy import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from shared import clock, events
from shared.access.models import Organization
from shared.access.queries import OrganizationUnknown
from shared.database import current_org
from shared.errors import Conflict, Fault, InvalidInput
from shared.events import Actor, Fact


class OrganizationExists(Conflict):
    """An organization with this id exists already."""

    slug, title = "organization-exists", "Organization exists"


def check_time_zone(name: str, pointer: str) -> None:
    """Raise InvalidInput unless `name` is an IANA time zone."""
    if name not in clock.time_zones():
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
    """Grant or withdraw the entitlement to training: the operator's switch. Deletes nothing."""
    _change(db, "training_entitled", training, "organization.entitlement_changed", "training", actor, now)


def enable(db: Session, *, training: bool, actor: Actor, now: datetime) -> None:
    """Enable or disable training in the organization: its administrator's switch. Deletes nothing."""
    _change(db, "training_enabled", training, "organization.availability_changed", "training", actor, now)


def limit_changes(db: Session, recipients: int | None, *, actor: Actor, now: datetime) -> None:
    """Set the number of recipients above which a job waits for a second member's approval. None: no job waits."""
    _change(db, "change_limit", recipients, "organization.settings_changed", "changeLimit", actor, now)


def _change(
    db: Session, column: str, value: bool | int | None, type: str, name: str, actor: Actor, now: datetime
) -> None:
    """Set one column and record the change with its former value. Does nothing if the column has the value already."""
    org_id = current_org(db)
    organization = db.get(Organization, org_id, with_for_update={"key_share": True}, populate_existing=True)
    if organization is None:
        raise OrganizationUnknown
    former = getattr(organization, column)
    if former == value:
        return
    setattr(organization, column, value)
    db.flush()
    data = {name: value, "former": {name: former}}
    events.record(db, actor, now, Fact(type, f"organization/{org_id}", data))
