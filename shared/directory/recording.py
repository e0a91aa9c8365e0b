"""Recording one event for each of many parties or folders, with one statement."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import Text, func, null, select
from sqlalchemy.orm import Session

from shared import events
from shared.arrays import texts
from shared.events import Actor


def record_each(
    db: Session,
    type: str,
    subject_ids: Collection[str],
    actor: Actor,
    now: datetime,
    data: dict[str, Any] | None = None,
) -> None:
    """Record one event for each of these parties, or folders if `type` begins with `folder`."""
    noun, _, _ = type.partition(".")
    each = func.unnest(texts(sorted(subject_ids)), type_=Text).column_valued("id")
    of = select(func.concat(f"{noun}/", each).label("subject"), (each if noun == "party" else null()).label("party_id"))
    events.record_each(db, actor, now, type=type, count=len(subject_ids), of=of, data=data or {})
