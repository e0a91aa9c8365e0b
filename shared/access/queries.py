"""Reading organizations, and whether one may use training."""

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from shared import clock
from shared.access.models import Organization
from shared.asking import Question
from shared.database import Database, current_org
from shared.errors import Problem
from shared.shapes import detached


class Unavailability(StrEnum):
    """The reasons why an organization cannot use training."""

    NOT_DEPLOYED = "not_deployed"
    NOT_ENTITLED = "not_entitled"
    DISABLED = "disabled"


class OrganizationUnknown(Problem):
    """The token is valid, but its organization was never added to this service."""

    slug, status, title = "organization-unknown", 403, "Organization unknown"

    def __init__(self) -> None:
        super().__init__("Your organization has not been added to this service; `rollcall org add` does that.")


class FeatureNotAvailable(Problem):
    """Training is not deployed, not granted, or disabled. Nothing is deleted meanwhile."""

    slug, status, title = "feature-not-available", 403, "Feature not available"

    def __init__(self, reason: Unavailability) -> None:
        text = {
            Unavailability.NOT_DEPLOYED: "This deployment does not include training.",
            Unavailability.NOT_ENTITLED: "Your organization is not entitled to training.",
            Unavailability.DISABLED: "An administrator has disabled training for your organization.",
        }[reason]
        super().__init__(text, reason=str(reason))


_COLUMNS = [column.name for column in Organization.__table__.columns]

_MINE = Question(
    name="organization",
    query=f"SELECT {', '.join(_COLUMNS)} FROM organization WHERE id = %(org)s",  # noqa: S608 - names of columns
    parameters={"org": "text"},
    prepared=False,
)


async def ask_organization(database: Database, org_id: str) -> Organization | None:
    """Returns an organization without a transaction, in one round trip from the event loop. None if it is unknown."""
    rows = await database.ask(org_id, _MINE, {"org": org_id})
    return detached(Organization, zip(_COLUMNS, rows[0], strict=True)) if rows else None


def reading(database: Database, org_id: str, organization: Organization | None) -> Session:
    """Returns a session that reads on the event loop for an organization that was read already."""
    db = database.reading(org_id)
    db.info[Organization] = organization
    return db


def get_organization(db: Session) -> Organization:
    """Returns the organization that this transaction works for. Raises OrganizationUnknown."""
    found: Organization | None = db.info[Organization] if Organization in db.info else _get(db)
    if found is None:
        raise OrganizationUnknown
    return found


def _get(db: Session) -> Organization | None:
    return db.get(Organization, current_org(db))


def today(db: Session, now: datetime) -> date:
    """The day it is for the organization of this transaction, in its time zone. Raises OrganizationUnknown."""
    return clock.day_in(get_organization(db).time_zone, now)


def list_organization_ids(db: Session) -> list[str]:
    """Returns the ids of all organizations. The transaction needs no organization."""
    return list(db.scalars(select(func.organization_ids())))


def unavailability(organization: Organization, features: frozenset[str]) -> Unavailability | None:
    """Returns why this organization cannot use training, or None if it can."""
    return unavailable(organization.training_entitled, organization.training_enabled, features)


def unavailable(entitled: bool, enabled: bool, features: frozenset[str]) -> Unavailability | None:
    """Returns why an organization with these switches cannot use training, or None if it can."""
    if "training" not in features:
        return Unavailability.NOT_DEPLOYED
    if not entitled:
        return Unavailability.NOT_ENTITLED
    return None if enabled else Unavailability.DISABLED


def need_available(organization: Organization | None, features: frozenset[str]) -> None:
    """Raises FeatureNotAvailable unless the organization can use training now, OrganizationUnknown if it is None."""
    if organization is None:
        raise OrganizationUnknown
    if reason := unavailability(organization, features):
        raise FeatureNotAvailable(reason)
