"""A licence as people read it: with its course, what it renews and what renewed it, and what happened to it."""

import uuid
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from shared import access, catalogue, licences
from shared.access import Caller, Permission
from shared.events import Filters as OfEvents
from shared.licences import Licence, LicenceAnswer
from shared.services.licences import SEES, Shown, get_licence
from shared.services.naming import History, read_history
from shared.services.verbs import verb

MOST_EVENTS = 20
"""The newest events that the page shows."""


@dataclass(frozen=True)
class LicenceDetails:
    """A licence. zone: the organization's, in which its dates count. course: the title of its version.

    renewed_by: the licence that took its place.
    """

    licence: LicenceAnswer
    revision: int
    zone: str
    course: str
    renewed_by: uuid.UUID | None
    history: History


@verb(*SEES)
def get_licence_details(db: Session, caller: Caller, licence_id: uuid.UUID, now: datetime) -> LicenceDetails:
    """Return one licence in the caller's scope with everything that its page shows. Raises NotFound."""
    row = get_licence(db, caller, licence_id)
    licence = row[0]
    answer = LicenceAnswer.of(row, now)
    revoked_by = [f"{answer.revocation.by.type}/{answer.revocation.by.id}"] if answer.revocation else []
    return LicenceDetails(
        licence=answer,
        revision=licence.revision,
        zone=access.get_organization(db).time_zone,
        course=_title(db, licence),
        renewed_by=licences.renewal_of(db, licence),
        history=read_history(db, caller, OfEvents(subject=f"licence/{licence_id}"), MOST_EVENTS, revoked_by),
    )


def _title(db: Session, licence: Licence) -> str:
    """Return the title of a licence's version, or of its course for a version that was never published."""
    names = catalogue.names_of_versions(db, [licence.course_version_id])[licence.course_version_id]
    return names[1] if len(names) > 1 else catalogue.get_course(db, licence.course_id)[0].title


@verb(Permission.ADMIN)
def get_licence_to_correct(db: Session, caller: Caller, licence_id: uuid.UUID) -> Shown:
    """Return one licence in the caller's scope, for the form that corrects it. Raises NotFound."""
    return get_licence(db, caller, licence_id)
