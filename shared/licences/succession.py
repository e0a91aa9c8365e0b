"""Which licence counts again, once the one that superseded it is taken back.

A licence supersedes the one that it renews (`renews_id`). A record that ends before the licence that counts is
superseded by that one when it comes (`superseded_by_id`). If the superseding licence goes, those behind it are
candidates, and of several the one that ends last counts; the others stand behind that one from then on. Behind a
candidate that is revoked itself stand further ones.
"""

import uuid
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import datetime

import orjson
from sqlalchemy import Row, select, text
from sqlalchemy.orm import Session

from shared.arrays import is_one_of
from shared.database import current_org
from shared.licences.models import Licence

Behind = Callable[[uuid.UUID], Sequence["Held"]]

Held = Row[uuid.UUID, str, uuid.UUID, uuid.UUID | None, uuid.UUID | None, datetime | None, datetime | None, datetime]
"""`id, party_id, course_id, renews_id, superseded_by_id, superseded_at, revoked_at, expires_at`"""


def held_by(db: Session, party_ids: Collection[str]) -> Sequence[Held]:
    """Returns all licences of these parties, of every course: so any plan uses the index by party."""
    columns = (
        Licence.id,
        Licence.party_id,
        Licence.course_id,
        Licence.renews_id,
        Licence.superseded_by_id,
        Licence.superseded_at,
        Licence.revoked_at,
        Licence.expires_at,
    )
    theirs = Licence.org_id == current_org(db), is_one_of(Licence.party_id, party_ids)
    return db.execute(select(*columns).where(*theirs)).all()


def restore(db: Session, held: Sequence[Held], taken: Collection[uuid.UUID]) -> list[uuid.UUID]:
    """Let licences count again that stood behind the ones taken back. Returns their ids.

    held: the licences as they are now, of all parties concerned. Restores nothing for a party and course of which
    another licence counts.
    """
    counting = {(one.party_id, one.course_id) for one in held if one.revoked_at is None and one.superseded_at is None}
    by_id, behind = {one.id: one for one in held}, _behind(held)
    waiting: dict[tuple[str, uuid.UUID], set[Held]] = defaultdict(set)
    for licence_id in taken:
        pair = by_id[licence_id].party_id, by_id[licence_id].course_id
        if pair not in counting:
            waiting[pair].update(_candidates(licence_id, behind))
    restored: list[uuid.UUID] = []
    outlasted: dict[uuid.UUID, uuid.UUID] = {}
    for candidates in filter(None, waiting.values()):
        last = max(candidates, key=_by_end)
        restored.append(last.id)
        outlasted |= {one.id: last.id for one in candidates if one.id != last.id}
    _set_superseded(db, dict.fromkeys(restored))
    set_behind(db, outlasted)
    return restored


def restore_apart(db: Session, held: Sequence[Held]) -> list[uuid.UUID]:
    """Let licences count again that a licence of another party superseded, when two parties were taken apart.

    held: the licences of both as they are now. Returns the ids. Restores nothing for a party and course of which
    another licence counts; of several, the one that ends last.
    """
    counting = {(one.party_id, one.course_id) for one in held if one.revoked_at is None and one.superseded_at is None}
    in_front: dict[uuid.UUID, set[str]] = defaultdict(set)
    by_id = {one.id: one for one in held}
    for one in held:
        if one.renews_id is not None:
            in_front[one.renews_id].add(one.party_id)
        if one.superseded_by_id in by_id:
            in_front[one.id].add(by_id[one.superseded_by_id].party_id)
    alone: dict[tuple[str, uuid.UUID], list[Held]] = defaultdict(list)
    for one in held:
        pair = one.party_id, one.course_id
        ended = one.revoked_at is None and one.superseded_at is not None and pair not in counting
        if ended and in_front[one.id] and one.party_id not in in_front[one.id]:
            alone[pair].append(one)
    restored = [max(candidates, key=_by_end).id for candidates in alone.values()]
    _set_superseded(db, dict.fromkeys(restored))
    return restored


def pass_on(db: Session, held: Sequence[Held], taken: Collection[uuid.UUID], restored: Collection[uuid.UUID]) -> None:
    """Let licences have counted longer that stood behind ones which were superseded, and now have never been.

    They were superseded only when the licence came that superseded the one taken out. restored: those that count again
    now, as `restore` returns them.
    """
    by_id, behind = {one.id: one for one in held}, _behind(held)
    longer: dict[uuid.UUID, datetime | None] = {}
    for licence_id in taken:
        ended = by_id[licence_id].superseded_at
        candidates = [one for one in _candidates(licence_id, behind) if one.id not in restored]
        last = max(candidates, key=_by_end, default=None)
        if last is not None and last.superseded_at is not None and ended is not None and last.superseded_at < ended:
            longer[last.id] = ended
    _set_superseded(db, longer)


def _behind(held: Sequence[Held]) -> Behind:
    """Returns a function that returns what stands directly behind a licence."""
    found: dict[uuid.UUID, list[Held]] = defaultdict(list)
    by_id = {one.id: one for one in held}
    for one in held:
        if one.renews_id in by_id:
            found[one.id].append(by_id[one.renews_id])
        if one.superseded_by_id is not None:
            found[one.superseded_by_id].append(one)
    return lambda licence_id: found.get(licence_id, [])


def _candidates(licence_id: uuid.UUID, behind: Behind) -> Iterator[Held]:
    """Yields what would count if this licence had never been."""
    waiting, seen = list(behind(licence_id)), {licence_id}
    while waiting:
        one = waiting.pop()
        if one.id in seen:
            continue
        seen.add(one.id)
        if one.revoked_at is not None:
            waiting += behind(one.id)
        elif one.superseded_at is not None:
            yield one


def _by_end(one: Held) -> tuple[datetime, uuid.UUID]:
    return one.expires_at, one.id


_SET = text("""
    UPDATE licence SET superseded_at = (cast(:at AS jsonb) ->> id::text)::timestamptz, revision = revision + 1,
        superseded_by_id = CASE WHEN cast(:at AS jsonb) ->> id::text IS NOT NULL THEN superseded_by_id END
    WHERE org_id = :org AND id = ANY (cast(:ids AS uuid[]))""")


def _set_superseded(db: Session, at: dict[uuid.UUID, datetime | None]) -> None:
    """Set when licences were superseded; None: they are not any more."""
    if at:
        given = orjson.dumps({str(licence_id): instant for licence_id, instant in at.items()}).decode()
        db.execute(_SET, {"org": current_org(db), "at": given, "ids": sorted(at)})


_SET_BEHIND = text("""
    UPDATE licence SET superseded_by_id = (cast(:by AS jsonb) ->> id::text)::uuid
    WHERE org_id = :org AND id = ANY (cast(:ids AS uuid[]))""")


def set_behind(db: Session, by: dict[uuid.UUID, uuid.UUID]) -> None:
    """Say which licence counts instead of each of these. It is no change that anybody sees."""
    if by:
        given = orjson.dumps({str(licence_id): other for licence_id, other in by.items()}).decode()
        db.execute(_SET_BEHIND, {"org": current_org(db), "by": given, "ids": sorted(by)})
