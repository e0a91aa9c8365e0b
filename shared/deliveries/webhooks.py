"""Webhooks: receivers in other systems. Creates, changes, removes, disables and replays them.

Every change is recorded as an event without address and secret: both may grant access.
"""

import uuid
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, func, select, update
from sqlalchemy.orm import Session

from shared import events, locking
from shared.database import current_org
from shared.deliveries.models import Webhook
from shared.deliveries.signing import new_secret
from shared.errors import Conflict, NotFound
from shared.events import Actor, Fact

FORMER_SECRET_FOR = timedelta(hours=24)
MOST_WEBHOOKS = 50


class TooManyWebhooks(Conflict):
    """An organization has too many webhooks. The limit exists because each event is sent to each webhook."""

    slug, title = "too-many-webhooks", "Too many webhooks"


def list_webhooks(db: Session) -> Select[Webhook]:
    """The webhooks that were not removed, newest first."""
    existing = select(Webhook).where(Webhook.org_id == current_org(db), Webhook.removed_at.is_(None))
    return existing.order_by(Webhook.id.desc())


def get_webhook(db: Session, webhook_id: uuid.UUID) -> Webhook:
    """One webhook. Raises NotFound."""
    found = db.scalar(list_webhooks(db).where(Webhook.id == webhook_id))
    if found is None:
        raise NotFound("webhook")
    return found


def create_webhook(
    db: Session, *, url: str, types: Collection[str], description: str | None, actor: Actor, now: datetime
) -> Webhook:
    """Create a webhook. It receives every event after its own `webhook.created`. Raises TooManyWebhooks.

    Recording that event locks the event counter until the commit, so no other event can fall in between.
    """
    if (db.scalar(select(func.count()).select_from(list_webhooks(db).subquery())) or 0) >= MOST_WEBHOOKS:
        raise TooManyWebhooks(f"An organization has at most {MOST_WEBHOOKS} webhooks; remove one first.")
    made = Webhook(
        org_id=current_org(db),
        url=url,
        types=sorted(set(types)),
        description=description,
        after=0,
        secret=new_secret(),
        created_by=actor.id,
        created_at=now,
        updated_at=now,
    )
    db.add(made)
    db.flush()
    events.record(db, actor, now, Fact("webhook.created", _subject(made.id), {"types": made.types}))
    made.after = events.head(db)
    db.flush()
    return made


def change_webhook(
    db: Session,
    webhook_id: uuid.UUID,
    changes: dict[str, Any],
    *,
    expected: Collection[int] | None,
    actor: Actor,
    now: datetime,
) -> Webhook:
    """Change `url`, `types`, `description` or `enabled`. Raises NotFound, Stale.

    A webhook that is enabled again starts with no failures. It receives the events of the time in between by replay
    only.
    """
    found = _locked(db, webhook_id, expected)
    enabled = changes.pop("enabled", None)
    changed = [name for name, value in changes.items() if getattr(found, name) != value]
    for name in changed:
        setattr(found, name, changes[name])
    if enabled is not None and enabled != (found.disabled_at is None):
        changed.append("enabled")
        found.disabled_at, found.disabled_why = (None, None) if enabled else (now, "A member disabled it.")
    if changed:
        if {"url", "enabled"} & set(changed):
            found.failures, found.broken_until = 0, None
        _touch(db, found, now)
        events.record(db, actor, now, Fact("webhook.changed", _subject(webhook_id), {"changed": sorted(changed)}))
    return found


def remove_webhook(
    db: Session, webhook_id: uuid.UUID, *, expected: Collection[int] | None, actor: Actor, now: datetime
) -> None:
    """Remove a webhook. Its deliveries stay in the ledger. Raises NotFound, Stale."""
    found = _locked(db, webhook_id, expected)
    found.removed_at = now
    _touch(db, found, now)
    events.record(db, actor, now, Fact("webhook.removed", _subject(webhook_id)))


def rotate_secret(db: Session, webhook_id: uuid.UUID, *, actor: Actor, now: datetime) -> Webhook:
    """Replace the secret. The former one signs too for 24 hours, so that the receiver can change over.

    Raises NotFound.
    """
    found = _locked(db, webhook_id, None)
    found.former_secret, found.former_secret_until = found.secret, now + FORMER_SECRET_FOR
    found.secret = new_secret()
    _touch(db, found, now)
    events.record(db, actor, now, Fact("webhook.secret_rotated", _subject(webhook_id)))
    return found


def disable(db: Session, webhook_id: uuid.UUID, why: str, actor: Actor, now: datetime) -> None:
    """Disable a webhook whose receiver wants no more messages. Does nothing if it is disabled already."""
    done = db.scalar(
        update(Webhook)
        .where(Webhook.org_id == current_org(db), Webhook.id == webhook_id, Webhook.disabled_at.is_(None))
        .values(disabled_at=now, disabled_why=why, updated_at=now, revision=Webhook.revision + 1)
        .returning(Webhook.id)
        .execution_options(synchronize_session=False)
    )
    if done is not None:
        events.record(db, actor, now, Fact("webhook.disabled", _subject(webhook_id), {"reason": why}))


def _locked(db: Session, webhook_id: uuid.UUID, expected: Collection[int] | None) -> Webhook:
    return locking.locked(db, list_webhooks(db).where(Webhook.id == webhook_id), "webhook", expected=expected)


def _touch(db: Session, found: Webhook, now: datetime) -> None:
    found.updated_at = now
    found.revision += 1
    db.flush()


def _subject(webhook_id: uuid.UUID) -> str:
    return f"webhook/{webhook_id}"
