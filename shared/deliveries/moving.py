"""A party's deliveries, sent and still to be sent, when it is merged with another one or gets another id."""

import uuid
from typing import Any

from sqlalchemy import Text, and_, case, literal, or_, update
from sqlalchemy.orm import Session

from shared.arrays import is_one_of
from shared.database import current_org
from shared.deliveries.models import Channel, Delivery
from shared.directory import Move

Moved = dict[str, Any]
"""ids: the deliveries that were moved."""


def move_deliveries(db: Session, move: Move) -> Moved:
    """Move the deliveries that are about the old party or go to it."""
    theirs = or_(Delivery.party_id == move.old, _is_mail_to(move.old))
    return {"ids": sorted(map(str, _moved(db, move.old, move.new, theirs)))}


def move_deliveries_back(db: Session, move: Move, moved: Moved) -> None:
    """Give the old party its deliveries back."""
    _moved(db, move.new, move.old, is_one_of(Delivery.id, [uuid.UUID(one) for one in moved["ids"]]))


def _is_mail_to(party_id: str) -> Any:
    return and_(Delivery.channel == Channel.EMAIL, Delivery.receiver == party_id)


def _moved(db: Session, source: str, target: str, which: Any) -> list[uuid.UUID]:
    other = literal(target, Text)
    values: dict[Any, Any] = {
        Delivery.party_id: case((Delivery.party_id == source, other), else_=Delivery.party_id),
        Delivery.receiver: case((_is_mail_to(source), other), else_=Delivery.receiver),
    }
    changed = update(Delivery).where(Delivery.org_id == current_org(db), which).values(values)
    return list(db.scalars(changed.returning(Delivery.id), execution_options={"synchronize_session": False}))
