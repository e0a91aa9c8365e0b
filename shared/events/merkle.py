"""The hash tree of RFC 6962 (and 9162) over the events: hashes, the parts of a proof, and how a proof is verified.

No database here: `tree.py` keeps the nodes. Leaf 0 is event 1; a tree of size N covers events 1 to N. A *node* is
(level, position): the complete subtree over leaves `position << level` up to `(position + 1) << level`.
"""

from collections.abc import Iterable, Sequence
from functools import reduce
from hashlib import sha256

Node = tuple[int, int]
Span = tuple[int, int]
"""The first leaf of a part of the tree, and the leaf after its last one."""

EMPTY = sha256(b"").digest()
"""The root of a tree without leaves."""


def leaf_hash(form: bytes) -> bytes:
    """Returns the hash of a leaf. form: the canonical form of its event."""
    return sha256(b"\0" + form).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Returns the hash of a node over its two halves."""
    return sha256(b"\1" + left + right).digest()


def nodes(span: Span) -> list[Node]:
    """Returns the largest complete subtrees that a part of the tree consists of, left to right."""
    begin, end = span
    found = []
    while begin < end:
        level = (end - begin).bit_length() - 1
        found.append((level, begin >> level))
        begin += 1 << level
    return found


def folded(hashes: Sequence[bytes]) -> bytes:
    """Returns the hash of a part of the tree. hashes: of its `nodes`."""
    return reduce(lambda right, left: node_hash(left, right), reversed(hashes)) if hashes else EMPTY


def inclusion(leaf: int, size: int) -> list[Span]:
    """Returns the parts of the tree whose hashes prove that this leaf is in it, from the leaf up to the root."""
    begin, end, path = 0, size, []
    while end - begin > 1:
        middle = begin + _left_half(end - begin)
        if leaf < middle:
            path.append((middle, end))
            end = middle
        else:
            path.append((begin, middle))
            begin = middle
    return path[::-1]


def consistency(first: int, second: int) -> list[Span]:
    """Returns the parts of the tree whose hashes prove that the tree of size `second` begins with that of `first`."""
    begin, end, path = 0, second, []
    while first != end:
        middle = begin + _left_half(end - begin)
        if first <= middle:
            path.append((middle, end))
            end = middle
        else:
            path.append((begin, middle))
            begin = middle
    if begin:
        path.append((begin, end))
    return path[::-1]


def root_by_inclusion(leaf: bytes, index: int, size: int, path: Iterable[bytes]) -> bytes | None:
    """Returns the root that follows from a leaf's hash and its path; None for a path that is too long or too short."""
    if not 0 <= index < size:
        return None
    last, found = size - 1, leaf
    for beside in path:
        if last == 0:
            return None
        if index & 1 or index == last:
            found = node_hash(beside, found)
            while not index & 1 and index:
                index, last = index >> 1, last >> 1
        else:
            found = node_hash(found, beside)
        index, last = index >> 1, last >> 1
    return found if last == 0 else None


def is_consistent(first: int, second: int, roots: tuple[bytes, bytes], path: Sequence[bytes]) -> bool:
    """True if the path proves that the tree with the second root begins with that of the first (RFC 9162, 2.1.4.2)."""
    if first == second:
        return not path and roots[0] == roots[1]
    if not 0 < first < second:
        return False
    steps = [roots[0], *path] if first & (first - 1) == 0 else list(path)
    if not steps:
        return False
    index, last = first - 1, second - 1
    while index & 1:
        index, last = index >> 1, last >> 1
    former = later = steps[0]
    for beside in steps[1:]:
        if last == 0:
            return False
        if index & 1 or index == last:
            former, later = node_hash(beside, former), node_hash(beside, later)
            while not index & 1 and index:
                index, last = index >> 1, last >> 1
        else:
            later = node_hash(later, beside)
        index, last = index >> 1, last >> 1
    return last == 0 and (former, later) == roots


class Tree:
    """A tree that grows at its right end. It knows the hashes of its largest complete subtrees and no others."""

    def __init__(self, size: int = 0, hashes: Sequence[bytes] = ()) -> None:
        """hashes: of the `nodes` of a tree of this size."""
        self.size = size
        self._hashes = list(hashes)

    @property
    def root(self) -> bytes:
        """The hash of the whole tree."""
        return folded(self._hashes)

    def add(self, leaf: bytes) -> list[tuple[Node, bytes]]:
        """Add a leaf by its hash. Returns the nodes that it completes, from the leaf up, with their hashes."""
        made, position, level = [((0, self.size), leaf)], self.size, 0
        while position & 1:
            leaf, position, level = node_hash(self._hashes.pop(), leaf), position >> 1, level + 1
            made.append(((level, position), leaf))
        self._hashes.append(leaf)
        self.size += 1
        return made


def _left_half(size: int) -> int:
    """Returns the largest power of two below `size`."""
    return 1 << ((size - 1).bit_length() - 1)
