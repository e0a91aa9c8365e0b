"""The names of actors and of things, for pages: people read names, while events and answers of the API have only ids.

A subject is written as events write it, `<noun>/<id>`; an actor likewise, `member/<id>` or `party/<id>`. A name that
the caller may not read, or that is unknown, is not in the result, and the page then shows the id.
"""

import uuid
from collections.abc import Collection, Iterable, Iterator
from typing import Any, NamedTuple

from sqlalchemy import CompoundSelect, ScalarSelect, Select, Text, cast, func, literal, select, union_all
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.orm import Session

from shared import access, directory
from shared.access import Caller
from shared.arrays import is_one_of
from shared.assignments import Assignment
from shared.catalogue import Course, CourseVersion
from shared.database import current_org
from shared.events import Event, Filters
from shared.jobs import Job
from shared.licences import Licence
from shared.pagination import page
from shared.services.events import search_history
from shared.services.verbs import verb
from shared.sessions import TrainingSession

Names = dict[str, str]
"""Names by subject. That of a job is its kind."""


class History(NamedTuple):
    """The newest events about something, None for a caller who may read none. more: True if there are others.

    names: of their actors and parties, and of what else the page names.
    """

    events: list[Event] | None
    names: Names
    more: bool


@verb()
def select_names(db: Session, caller: Caller, subjects: Collection[str]) -> ScalarSelect[Any]:
    """Return a subquery with the names of these subjects as JSON pairs, so that a list needs no statement more."""
    found = _rows(db, caller, set(subjects)).subquery()
    pair = func.json_build_array(found.c.subject, found.c.name)
    return select(func.json_agg(aggregate_order_by(pair, found.c.rank))).scalar_subquery()


@verb()
def names_of(db: Session, caller: Caller, subjects: Collection[str]) -> Names:
    """Return the names of these subjects."""
    return dict(db.scalar(select(select_names(db, caller, subjects))) or ()) if subjects else {}


@verb()
def read_history(db: Session, caller: Caller, filters: Filters, most: int, also: Collection[str] = ()) -> History:
    """Return the newest events about something. also: further subjects to be named."""
    if not search_history.may(caller):
        return History(None, names_of(db, caller, also), more=False)
    found = page(db, search_history(db, caller, filters), limit=most, cursor=None)
    names = names_of(db, caller, {*subjects_of(found.items), *also})
    return History(found.items, names, more=found.next_cursor is not None)


def subjects_of(found: Iterable[Event]) -> Iterator[str]:
    """Yield the actors and the parties of events."""
    for one in found:
        yield f"{one.actor_type}/{one.actor_id}"
        if one.party_id:
            yield f"party/{one.party_id}"


def _rows(db: Session, caller: Caller, subjects: set[str]) -> CompoundSelect[*tuple[Any, ...]]:
    """Return a select of (subject, name, rank). Of two names of a subject, the one with the higher rank counts."""
    ids: dict[str, list[str]] = {}
    for subject in sorted(subjects):
        noun, _, one = subject.partition("/")
        ids.setdefault(noun, []).append(one)
    members, parties = ids.get("member", []), ids.get("party", [])
    selects: list[Select[*tuple[Any, ...]]] = [
        _named("member", access.names_of_members(db, members, alone=caller.folders is not None), 0),
        _named("member", directory.names_of_members(db, members, caller.folders), 1),
        _named("party", directory.names_of_parties(db, parties, caller.folders), 0),
    ]
    if folders := ids.get("folder"):
        selects.append(_named("folder", directory.names_of_folders(db, folders, caller.folders), 0))
    return union_all(*selects, *_things(db, {noun: list(_uuids(each)) for noun, each in ids.items()}))


_BY_ID: tuple[tuple[str, Any, Any], ...] = (
    ("course", Course, Course.title),
    ("version", CourseVersion, CourseVersion.title),
    ("course_version", CourseVersion, CourseVersion.label),
    ("job", Job, Job.kind),
)
_OF_A_VERSION: tuple[tuple[str, Any], ...] = (
    ("assignment", Assignment),
    ("licence", Licence),
    ("session", TrainingSession),
)


def _things(db: Session, ids: dict[str, list[uuid.UUID]]) -> Iterator[Select[*tuple[Any, ...]]]:
    org_id = current_org(db)
    for noun, model, name in _BY_ID:
        if noun in ids:
            yield _named(noun, select(model.id, name).where(model.org_id == org_id, is_one_of(model.id, ids[noun])), 0)
    for noun, of in _OF_A_VERSION:
        if noun in ids:
            version = (CourseVersion.org_id == of.org_id, CourseVersion.id == of.course_version_id)
            named = select(of.id, CourseVersion.title).join(CourseVersion, onclause=version[0] & version[1])
            yield _named(noun, named.where(of.org_id == org_id, is_one_of(of.id, ids[noun])), 0)


def _named(noun: str, rows: Select[*tuple[Any, ...]], rank: int) -> Select[*tuple[Any, ...]]:
    """Return rows of (id, name) as rows of (subject, name, rank)."""
    found = rows.subquery()
    each, name = found.c
    subject = (literal(f"{noun}/") + cast(each, Text)).label("subject")
    return select(subject, name.label("name"), literal(rank).label("rank")).where(name.is_not(None))


def _uuids(ids: Iterable[str]) -> Iterator[uuid.UUID]:
    for one in ids:
        try:
            yield uuid.UUID(one)
        except ValueError:
            continue
