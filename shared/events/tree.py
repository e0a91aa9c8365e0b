"""The tree over an organization's sealed events: its nodes in a table, and proofs from them.

Kept are complete subtrees of 64 events and more, one row for about 32 events; smaller parts are computed from the
events. So a head costs at most 63 events, and a proof at most 64 for each event that is proved and 63 at the end. A
seal stores the root. Seals of former releases have none: sealing tasks grow the tree over their events, and until that
is done heads have no root.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace

from sqlalchemy import ARRAY, BigInteger, Integer, column, func, literal, select, true
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from shared.database import current_org
from shared.errors import Conflict
from shared.events.chain import COLUMNS, Head, canonical, sealed_head
from shared.events.merkle import Node, Span, Tree, consistency, folded, inclusion, leaf_hash, nodes, root_by_inclusion
from shared.events.models import Event, EventSeal, EventTreeNode

FLOOR = 6
"""The lowest level of nodes that are kept."""

CHUNK = 1 << FLOOR


class NotSealed(Conflict):
    """A proof of events that no seal covers yet, or over which the tree has not grown."""

    slug, title = "not-sealed", "Not sealed yet"


class RecordAltered(Conflict):
    """The events give another root than the one that was sealed."""

    slug, title = "record-altered", "The record was altered"

    def __init__(self) -> None:
        super().__init__("The events no longer give the root that was sealed. `rollcall audit verify` says where.")


@dataclass(frozen=True)
class Inclusion:
    """The proof that an event is in the tree. form: its canonical form. path: hashes from the leaf up to the root."""

    sequence: int
    form: str
    tree_size: int
    root_hash: str
    path: list[str]


@dataclass(frozen=True)
class Consistency:
    """The proof that the tree of the second size begins with that of the first."""

    first_tree_size: int
    second_tree_size: int
    first_root_hash: str
    second_root_hash: str
    path: list[str]


def tree_head(db: Session) -> Head:
    """Returns the head with its root also where the seal, of a former release, has none; None while the tree grows."""
    head = sealed_head(db)
    if head.root is not None or head.sequence == 0:
        return head
    try:
        return replace(head, root=_hashes(db, [(0, head.sequence)])[0, head.sequence].hex())
    except (NotSealed, RecordAltered):
        return head


def begin(db: Session, sequence: int) -> Tree | None:
    """Returns the tree up to the last multiple of 64 events at or below `sequence`; None if it has not grown so far."""
    size = sequence >> FLOOR << FLOOR
    wanted = nodes((0, size))
    kept = _kept(db, wanted)
    return Tree(size, [kept[node] for node in wanted]) if len(kept) == len(wanted) else None


def covered(db: Session) -> int:
    """Returns the number of events over which nodes are kept."""
    rows = select(func.max(EventTreeNode.position)).where(
        EventTreeNode.org_id == current_org(db), EventTreeNode.level == FLOOR
    )
    last = db.scalar(rows)
    return 0 if last is None else (last + 1) * CHUNK


def keep(db: Session, made: Mapping[Node, bytes]) -> None:
    """Store nodes. One that is there stays as it is: should it differ, no proof over it agrees with its root."""
    if made:
        org_id = current_org(db)
        rows = [{"org_id": org_id, "level": at[0], "position": at[1], "hash": made[at]} for at in made]
        db.execute(insert(EventTreeNode).values(rows).on_conflict_do_nothing())


def prove_inclusion(db: Session, sequences: Collection[int], size: int) -> list[Inclusion]:
    """Returns the proofs of these events in the tree of this size, in order.

    Raises NotSealed if the tree has not grown so far, RecordAltered if the events do not give the root that was sealed.
    """
    _need_sealed(db, size)
    if sequences and max(sequences) > size:
        raise NotSealed(f"The tree of size {size} covers events 1 to {size}.")
    paths = {sequence: inclusion(sequence - 1, size) for sequence in sorted(sequences)}
    spans = {span for path in paths.values() for span in path} | {(0, size)}
    forms: dict[int, bytes] = dict.fromkeys(paths, b"")
    hashes = _hashes(db, spans, forms)
    root = hashes[0, size]
    _need_sealed_root(db, size, root)
    proofs = []
    for sequence, path in paths.items():
        found = [hashes[span] for span in path]
        if root_by_inclusion(leaf_hash(forms[sequence]), sequence - 1, size, found) != root:
            raise RecordAltered
        proofs.append(Inclusion(sequence, forms[sequence].decode(), size, root.hex(), [each.hex() for each in found]))
    return proofs


def prove_consistency(db: Session, first: int, second: int) -> Consistency:
    """Returns the proof that the tree of `second` events begins with that of `first`. Raises as `prove_inclusion`."""
    _need_sealed(db, second)
    path = consistency(first, second)
    hashes = _hashes(db, {*path, (0, first), (0, second)})
    for size in (first, second):
        _need_sealed_root(db, size, hashes[0, size])
    roots = hashes[0, first].hex(), hashes[0, second].hex()
    return Consistency(first, second, *roots, [hashes[span].hex() for span in path])


def _need_sealed(db: Session, size: int) -> None:
    sealed = sealed_head(db).sequence
    if size > sealed:
        raise NotSealed(f"Events are sealed up to {sealed}. The next ones follow within a minute.")


def _need_sealed_root(db: Session, size: int, root: bytes) -> None:
    sealed = db.scalar(
        select(EventSeal.root).where(EventSeal.org_id == current_org(db), EventSeal.last_sequence == size)
    )
    if sealed is not None and sealed != root.hex():
        raise RecordAltered


def _hashes(db: Session, spans: Iterable[Span], forms: dict[int, bytes] | None = None) -> dict[Span, bytes]:
    """Returns the hashes of these parts of the tree.

    forms: filled with the canonical forms of the events that are its keys, read on the way.
    """
    parts = {span: nodes(span) for span in spans}
    wanted = {node for found in parts.values() for node in found}
    high = [node for node in wanted if node[0] >= FLOOR]
    kept = _kept(db, high)
    if len(kept) < len(high):
        raise NotSealed(
            "The tree is still growing over events that a former release sealed. Try again in some minutes."
        )
    low = defaultdict(list)
    for level, position in wanted - set(high):
        low[position >> FLOOR - level].append((level, position))
    for sequence in forms or ():
        low[(sequence - 1) >> FLOOR].extend(())
    kept.update(_computed(db, low, forms if forms is not None else {}))
    return {span: folded([kept[node] for node in found]) for span, found in parts.items()}


def _kept(db: Session, wanted: Collection[Node]) -> dict[Node, bytes]:
    levels = literal([level for level, _ in wanted], ARRAY(Integer))
    positions = literal([position for _, position in wanted], ARRAY(BigInteger))
    asked = func.unnest(levels, positions).table_valued(column("level", Integer), column("position", BigInteger))
    asked = asked.render_derived()
    found = (
        select(EventTreeNode.hash)
        .where(EventTreeNode.org_id == current_org(db))
        .where(EventTreeNode.level == asked.c.level, EventTreeNode.position == asked.c.position)
        .limit(1)  # with a bound PostgreSQL looks each one up, whatever its statistics say
        .lateral()
    )
    rows = select(asked.c.level, asked.c.position, found.c.hash).join_from(asked, found, true())
    return {(level, position): digest for level, position, digest in db.execute(rows)} if wanted else {}


def _computed(db: Session, low: Mapping[int, list[Node]], forms: dict[int, bytes]) -> dict[Node, bytes]:
    """Returns the hashes of nodes below those that are kept, by reading the events of their chunks."""
    chunks = func.unnest(literal(sorted(low), ARRAY(BigInteger))).table_valued(column("chunk", BigInteger))
    chunks = chunks.render_derived()
    first = chunks.c.chunk * CHUNK + 1
    found = (
        select(*COLUMNS)
        .where(Event.org_id == current_org(db), Event.sequence.between(first, first + CHUNK - 1))
        .order_by(Event.sequence)
        .limit(CHUNK)
        .lateral()
    )
    rows = select(*found.c).join_from(chunks, found, true())
    leaves: dict[int, bytes] = {}
    for event in db.execute(rows) if low else ():
        form = canonical(event)
        leaves[event.sequence - 1] = leaf_hash(form)
        if event.sequence in forms:
            forms[event.sequence] = form
    return {node: _over(leaves, node) for found in low.values() for node in found}


def _over(leaves: Mapping[int, bytes], node: Node) -> bytes:
    level, position = node
    tree = Tree()
    for leaf in range(position << level, (position + 1) << level):
        if leaf not in leaves:
            raise RecordAltered
        tree.add(leaves[leaf])
    return tree.root
