"""The caller's organization: its settings, and the availability of training."""

from datetime import datetime

from sqlalchemy.orm import Session

from shared import access
from shared.access import Caller, Organization, Permission, SettingsChange, Unavailability
from shared.services.verbs import verb


@verb()
def get_organization(db: Session, _: Caller) -> Organization:
    """Return the caller's organization. Raises OrganizationUnknown."""
    return access.get_organization(db)


@verb(*Permission)
def get_settings(db: Session, _: Caller) -> Organization:
    """Return the organization with its settings, to every caller who has any permission."""
    return access.get_organization(db)


@verb(Permission.ADMIN, whole=True)
def change_settings(db: Session, caller: Caller, changes: SettingsChange, now: datetime) -> Organization:
    """Change the settings that the request mentions. A value equal to the present one is no change."""
    access.change_settings(db, changes.model_dump(exclude_unset=True), actor=caller.actor, now=now)
    db.expire_all()
    return access.get_organization(db)


@verb()
def get_availability(db: Session, _: Caller, features: frozenset[str]) -> tuple[Organization, Unavailability | None]:
    """Return the organization, and the reason why training is not available to it; None if it is."""
    organization = access.get_organization(db)
    return organization, access.unavailability(organization, features)


@verb(Permission.ADMIN, whole=True)
def change_availability(
    db: Session, caller: Caller, enabled: bool, features: frozenset[str], now: datetime
) -> tuple[Organization, Unavailability | None]:
    """Enable or disable training for the organization. Nothing is deleted, and running jobs finish."""
    access.enable(db, training=enabled, actor=caller.actor, now=now)
    db.expire_all()
    return get_availability(db, caller, features)
