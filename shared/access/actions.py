"""Adding organizations, and changing what they may use."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic.alias_generators import to_camel
from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from shared import clock, events
from shared.access.models import Organization
from shared.access.queries import OrganizationUnknown
from shared.database import current_org
from shared.errors import Conflict, Fault, InvalidInput
from shared.events import Actor, Fact
from shared.wire import may_be_new_id


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
    if not may_be_new_id(org_id):
        raise InvalidInput(Fault("/id", "An organization's id must not be . or .., which stand for folders."))
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
    column = "training_entitled"
    _change(db, {column: training}, "organization.entitlement_changed", {column: "training"}, actor, now)


def enable(db: Session, *, training: bool, actor: Actor, now: datetime) -> None:
    """Enable or disable training in the organization: its administrator's switch. Deletes nothing."""
    column = "training_enabled"
    _change(db, {column: training}, "organization.availability_changed", {column: "training"}, actor, now)


def change_settings(db: Session, values: Mapping[str, Any], *, actor: Actor, now: datetime) -> None:
    """Set these columns, with one event for those that change. None clears a setting.

    The event has `changeLimit` in any case, because receivers have always found it there.
    """
    mine = select(Organization.change_limit).where(Organization.id == current_org(db))
    present = db.scalar(mine.with_for_update())
    given = {"change_limit": present, **values}
    _change(db, given, "organization.settings_changed", {name: to_camel(name) for name in given}, actor, now)


def _change(
    db: Session, values: Mapping[str, Any], type: str, names: Mapping[str, str], actor: Actor, now: datetime
) -> None:
    """Set columns and record the change with the former values. names: of the columns in the event.

    Does nothing if the columns have these values already.
    """
    org_id = current_org(db)
    organization = db.get(Organization, org_id, with_for_update={"key_share": True}, populate_existing=True)
    if organization is None:
        raise OrganizationUnknown
    former = {column: getattr(organization, column) for column in values}
    changed = [column for column, value in values.items() if former[column] != value]
    if not changed:
        return
    for column in changed:
        setattr(organization, column, values[column])
    db.flush()
    data = {names[column]: value for column, value in values.items()}
    was = {names[column]: former[column] for column in changed}
    events.record(db, actor, now, Fact(type, f"organization/{org_id}", {**data, "former": was}))
