"""The events of licences that are granted, and of those that they supersede."""

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, func, null, select
from sqlalchemy.orm import Session

from shared import events
from shared.database import current_org
from shared.events import Actor
from shared.licences.models import Licence
from shared.licences.queries import has_id, subject


def record_granted(
    db: Session,
    ids: Sequence[uuid.UUID],
    actor: Actor,
    now: datetime,
    data: dict[str, Any],
    own: Mapping[str, ColumnElement[Any]] | None = None,
) -> None:
    """Record `licence.granted` for these new licences.

    data: shared by all; `grantedAt` only if it is not their own. own: further fields, null where a licence has none.
    """
    ours = has_id(current_org(db), ids)
    about = func.jsonb_strip_nulls(
        func.jsonb_build_object(
            "courseId",
            Licence.course_id,
            "courseVersionId",
            Licence.course_version_id,
            "sessionId",
            Licence.session_id,
            "assignmentId",
            Licence.assignment_id,
            "expiresAt",
            Licence.expires_at,
            "validFrom",
            Licence.valid_from,
            "renews",
            Licence.renews_id,
            "grantedAt",
            null() if "grantedAt" in data else Licence.granted_at,
            *(part for pair in (own or {}).items() for part in pair),
        )
    )
    each = select(subject(Licence.id), Licence.party_id, about.label("data")).where(ours)
    events.record_each(db, actor, now, type="licence.granted", count=len(ids), of=each, data=data)


def superseded_by(*which: ColumnElement[bool]) -> Select[*tuple[Any, ...]]:
    """Selects the events `licence.superseded` of what these licences superseded."""
    by = func.jsonb_build_object("courseId", Licence.course_id, "supersededBy", Licence.id)
    return select(subject(Licence.renews_id), Licence.party_id, by.label("data")).where(*which)
