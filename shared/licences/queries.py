"""Reading licences: lists, one of them, and what other nouns join to their own rows."""

import uuid
from datetime import datetime

from sqlalchemy import Select, Text, func, literal, select

from shared.jobs import Job, OutcomeCode
from shared.licences.models import Licence


def made_by(job: Job) -> Select[str, str, uuid.UUID]:
    """The licences that a job granted, as its successes: `entity_id, code, record_id`."""
    return select(
        Licence.party_id.label("entity_id"),
        literal(OutcomeCode.LICENCE_GRANTED, Text).label("code"),
        Licence.id.label("record_id"),
    ).where(Licence.org_id == job.org_id, Licence.job_id == job.id)


def of_session(session_id: uuid.UUID) -> Select[str, uuid.UUID, datetime | None]:
    """What a session granted, a row for each party: `party_id, licence_id, revoked_at`."""
    return select(Licence.party_id, Licence.id.label("licence_id"), Licence.revoked_at).where(
        Licence.org_id == func.current_setting("rollcall.org"), Licence.session_id == session_id
    )
