"""Idempotency keys: a repeated request with the same key makes nothing anew, and is answered with what was made.

One key is one request of the organization, whichever address it was sent to. The key's row is inserted before anything
else in the request's transaction. A second request with the key waits for it and then finds what the first one has
made; if the first one is rolled back, so is its row. A job has the key in its own row too, because processes of a
former release look only there.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import orjson
from pydantic import BaseModel
from sqlalchemy import ForeignKeyConstraint, Index, Text, column, delete, select, table, tuple_, update
from sqlalchemy import text as sql
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Mapped, Session, mapped_column

from shared.database import Base, Tenant, current_org
from shared.errors import Problem
from shared.wire import Received

KEPT = timedelta(days=30)
"""A key is kept for so long, and the key of a job as long as the job."""

CLEANED = 100
"""Upper bound of expired keys that a request deletes."""


class IdempotencyKeyReused(Problem):
    """The key was used before with another body or address."""

    slug, status, title = "idempotency-key-reused", 422, "Idempotency-Key reused"

    def __init__(self) -> None:
        super().__init__("This Idempotency-Key was used for another request; choose a new key for a new one.")


class UsedKey(Tenant, Base):
    """A key that was used. request_hash: of the address and the body as it was sent.

    location: the address of what was made. answer: what is answered to a repetition if that has no address of its own;
    it contains no secret. kept_until: null for as long as the job.
    """

    __tablename__ = "idempotency_key"
    __table_args__ = (
        ForeignKeyConstraint(["org_id"], ["organization.id"]),
        Index("ix_idempotency_key_kept_until", "org_id", "kept_until", postgresql_where=sql("kept_until IS NOT NULL")),
    )

    key: Mapped[str] = mapped_column(Text(collation="C"), primary_key=True)
    request_hash: Mapped[str]
    location: Mapped[str | None]
    answer: Mapped[dict[str, Any] | None]
    kept_until: Mapped[datetime | None]


@dataclass(frozen=True)
class Key:
    """An `Idempotency-Key` and the address that it was sent to.

    request_hash: of what was sent. made: the address of what an earlier request with this key and hash has made.
    """

    value: str
    address: str
    request_hash: str = ""
    made: str | None = None

    def hash_of(self, body: BaseModel | None) -> str:
        """Return the hash that the former release stores with a job: of all fields that it knew, with their defaults.

        body: None for an address that takes no body.
        """
        sent = None if body is None else _as_known_before(body, body.model_dump(mode="json"))
        return _digest(self.address, orjson.dumps(sent, option=orjson.OPT_SORT_KEYS))


def key_of(value: str, address: str, sent: Any) -> Key:
    """Return the key of a request. sent: its body as it was sent, parsed; the order of its fields does not matter.

    It is hashed as it was sent, because the defaults of fields that a later release adds would change the hash.
    """
    return Key(value, address, _digest(address, orjson.dumps(sent, option=orjson.OPT_SORT_KEYS)))


def _digest(address: str, body: bytes) -> str:
    return hashlib.sha256(address.encode() + b"\n" + body).hexdigest()


def _as_known_before(model: BaseModel, dumped: Any) -> Any:
    """Return a dumped body without the fields that the former release did not know and that were not sent."""
    added = type(model).added if isinstance(model, Received) else frozenset[str]()
    for name in type(model).model_fields:
        value = getattr(model, name)
        if name in added - model.model_fields_set:
            del dumped[name]
        elif isinstance(value, BaseModel):
            _as_known_before(value, dumped[name])
    return dumped


@dataclass
class Making:
    """The record of what a request with a key makes. location, answer: as in `UsedKey`; it needs one of them."""

    location: str | None = None
    answer: dict[str, Any] | None = field(default=None)


class Replayed(Exception):
    """The request was made before: it is answered with what was made then. Only a door catches this."""

    def __init__(self, used: UsedKey) -> None:
        super().__init__("a repeated request")
        self.location, self.answer = used.location, used.answer


def claim(db: Session, key: Key, now: datetime) -> UsedKey | None:
    """Insert the key's row. Returns None if the key was free, else the row of the earlier request, which is the same.

    Raises IdempotencyKeyReused for an earlier request with another body or address. A job that a former release
    submitted has no such row: its submission compares its hash.
    """
    _clean(db, now)
    row = {"request_hash": key.request_hash, "location": None, "answer": None, "kept_until": now + KEPT}
    inserted = db.scalar(
        upsert(UsedKey)
        .values(org_id=current_org(db), key=key.value, **row)
        .on_conflict_do_update(index_elements=[UsedKey.org_id, UsedKey.key], set_=row, where=UsedKey.kept_until < now)
        .returning(UsedKey.key)
    )
    if inserted is not None:
        return None
    used = db.scalars(select(UsedKey).where(*_is(db, key))).one()
    if used.request_hash != key.request_hash:
        raise IdempotencyKeyReused
    return used


def keep(db: Session, key: Key, made: Making) -> None:
    """Store what the request has made. Raises ValueError if it does not say: a repetition would get no answer."""
    if made.location is None and made.answer is None:
        raise ValueError("a route that makes something once sets `Location` or keeps an answer")
    values: dict[str, Any] = {"location": made.location, "answer": made.answer}
    if (made.location or "").startswith("/v1/jobs/"):
        values["kept_until"] = None
    db.execute(update(UsedKey).where(*_is(db, key)).values(**values))


@contextmanager
def once(db: Session, key: Key | None, now: datetime) -> Iterator[Making]:
    """Make something once for a key: the block says where it is. Raises Replayed, IdempotencyKeyReused."""
    made = Making()
    if key is None:
        yield made
        return
    need_free(db, key, now)
    yield made
    keep(db, key, made)


def need_free(db: Session, key: Key, now: datetime) -> None:
    """Claim the key of a request that submits no job. Raises Replayed, IdempotencyKeyReused."""
    if used := claim(db, key, now):
        raise Replayed(used)
    if is_of_job(db, key):
        raise IdempotencyKeyReused


_JOB = table("job", column("org_id"), column("idempotency_key"))


def is_of_job(db: Session, key: Key) -> bool:
    """True if a job has the key, also one that a former release submitted."""
    return (
        db.scalar(select(_JOB.c.org_id).where(_JOB.c.org_id == current_org(db), _JOB.c.idempotency_key == key.value))
        is not None
    )


def _is(db: Session, key: Key) -> tuple[Any, ...]:
    return UsedKey.org_id == current_org(db), UsedKey.key == key.value


def _clean(db: Session, now: datetime) -> None:
    """Delete some expired keys of the organization. Rows that another request deletes are passed by."""
    expired = (
        select(UsedKey.org_id, UsedKey.key)
        .where(UsedKey.org_id == current_org(db), UsedKey.kept_until < now)
        .order_by(UsedKey.kept_until)
        .limit(CLEANED)
        .with_for_update(skip_locked=True)
    )
    db.execute(delete(UsedKey).where(tuple_(UsedKey.org_id, UsedKey.key).in_(expired)))
