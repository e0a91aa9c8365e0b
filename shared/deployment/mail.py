"""The mail switch: one row that every process reads before it plans or sends mails."""

from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from shared.deployment.models import MailSwitch


def mail_is_on(db: Session) -> bool:
    """Returns True if this deployment plans and sends mails."""
    return bool(db.scalar(select(MailSwitch.is_on)))


def switch_mail(db: Session, on: bool, now: datetime) -> bool:
    """Set the switch. Returns True if it was changed. Locks nothing if it has this value already."""
    if mail_is_on(db) == on:
        return False
    changed = update(MailSwitch).where(MailSwitch.is_on != on).values(is_on=on, changed_at=now)
    return bool(db.execute(changed.returning(MailSwitch.id)).all())
