"""Sealing: the chain and the tree grow over events that were recorded, in a task of their own."""

from datetime import datetime

from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from shared.database import current_org
from shared.events import tree
from shared.events.chain import canonical, in_order, link, sealed_head
from shared.events.merkle import Node, Tree, leaf_hash
from shared.events.models import EventSeal

LARGEST_BLOCK = 10_000
"""Upper bound of events in one seal: a backlog is sealed in several short transactions."""


def seal(db: Session, now: datetime, *, most: int = LARGEST_BLOCK) -> int:
    """Seal the events after the last seal, at most `most` of them.

    Returns the number of events sealed: 0 if there are none, or if another transaction is sealing. Two sealers that
    start from the same seal could fork the chain, because their blocks may end at different events. So the sealers'
    lock is taken before anything is read. Recording events never waits for this lock.
    """
    if not _lock(db):
        return 0
    last = sealed_head(db)
    growing = _Growing(tree.begin(db, last.sequence))
    start = last.sequence if growing.tree is None else growing.tree.size
    sealed, sequence, tip = 0, last.sequence, last.hash
    for event in in_order(db, after=start, limit=most + last.sequence - start):
        form = canonical(event)
        growing.add(event.sequence, form)
        if event.sequence > last.sequence:
            sealed, sequence, tip = sealed + 1, event.sequence, link(tip, form)
    if sealed:
        block = {"first_sequence": last.sequence + 1, "last_sequence": sequence, "hash": tip, "sealed_at": now}
        db.execute(insert(EventSeal).values(org_id=current_org(db), root=growing.root, **block))
        tree.keep(db, growing.made)
    return sealed


def grow(db: Session, *, most: int = LARGEST_BLOCK) -> int:
    """Let the tree grow over events that were sealed without it, by a former release, at most `most` of them.

    Returns the number of events: 0 if there are none, or if another transaction is sealing.
    """
    if not _lock(db):
        return 0
    start = tree.covered(db)
    behind = (sealed_head(db).sequence - start) // tree.CHUNK * tree.CHUNK
    growing = _Growing(tree.begin(db, start))
    if behind > 0:
        for event in in_order(db, after=start, limit=min(behind, most // tree.CHUNK * tree.CHUNK)):
            growing.add(event.sequence, canonical(event))
        tree.keep(db, growing.made)
    return 0 if growing.tree is None else growing.tree.size - start


def organizations_with_unsealed_events(db: Session) -> list[str]:
    """Returns the organizations with events to seal. The transaction needs no organization."""
    return list(db.scalars(select(func.organizations_with_unsealed_events())))


def organizations_with_trees_behind(db: Session) -> list[str]:
    """Returns the organizations whose tree has to grow over sealed events. The transaction needs no organization."""
    return list(db.scalars(select(func.organizations_with_trees_behind())))


class _Growing:
    """A tree that grows, and the nodes to keep. Without a tree, or after a number that is missing, it has no root."""

    def __init__(self, tree: Tree | None) -> None:
        self.tree = tree
        self.made: dict[Node, bytes] = {}

    def add(self, sequence: int, form: bytes) -> None:
        """Add the next event."""
        if self.tree is None:
            return
        if sequence != self.tree.size + 1:
            self.tree = None
            return
        self.made.update(node for node in self.tree.add(leaf_hash(form)) if node[0][0] >= tree.FLOOR)

    @property
    def root(self) -> str | None:
        """The root, in hexadecimal digits."""
        return None if self.tree is None else self.tree.root.hex()


def _lock(db: Session) -> bool:
    """Take the organization's sealing lock until this transaction ends. Returns False if another one holds it."""
    key = func.hashtextextended(f"event_seal/{current_org(db)}", 0)
    return db.scalar(select(func.pg_try_advisory_xact_lock(key))) is True
