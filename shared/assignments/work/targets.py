"""The assignment that each recipient of a chunk stands for: itself, or one of a party's assignments of a course."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, and_, select
from sqlalchemy.orm import Session

from shared import directory
from shared.assignments.models import Assignment, AssignmentState
from shared.assignments.requests import CompleteJob
from shared.catalogue import CourseVersion
from shared.jobs import Chunk, Recipients


@dataclass(frozen=True)
class Targets:
    """The assignment of each of a chunk's recipients, None if there is none. noun: the noun of the recipients.

    several: recipients that have several open assignments and are not changed, each with a sentence that names them.
    """

    noun: Recipients
    by_recipient: Mapping[str, uuid.UUID | None]
    several: Mapping[str, str] = field(default_factory=dict)


def find_targets(db: Session, chunk: Chunk, request: CompleteJob) -> Targets:
    """Find the assignment of each recipient of a completion.

    That of a party is its open one of the version, or by course alone its open one of any version; else the one that
    was made last. With `versions: newest`, of several open ones it is that of the version that was published last.
    """
    if request.by == "assignment":
        return targets_by_id(db, chunk)
    of = (
        Assignment.course_version_id == request.course_version_id
        if request.course_version_id is not None
        else Assignment.course_id == request.course_id
    )
    latest = _latest(db, chunk, of)
    several = _several(db, chunk, of) if request.course_version_id is None else {}
    newest = {party_id: found[-1][0] for party_id, found in several.items()}
    if request.versions == "newest":
        latest, several = {**latest, **newest}, {}
    parties = [party_id for party_id in db.scalars(chunk.recipients) if party_id not in several]
    details = {
        party_id: "Open versions: " + ", ".join(f"{label} (assignment {one})" for one, label in found)
        for party_id, found in several.items()
    }
    return Targets("party", {party_id: latest.get(party_id) for party_id in parties}, details)


def targets_by_id(db: Session, chunk: Chunk) -> Targets:
    """The assignments of a chunk whose recipients are assignments."""
    return Targets("assignment", {entity_id: uuid.UUID(entity_id) for entity_id in db.scalars(chunk.recipients)})


def _latest(db: Session, chunk: Chunk, of: ColumnElement[bool]) -> dict[str, uuid.UUID]:
    """The open assignment of each party, else the one that was made last."""
    of_parties = (
        select(Assignment.party_id, Assignment.id)
        .distinct(Assignment.party_id)
        .where(Assignment.org_id == chunk.job.org_id, of, chunk.covers(Assignment.party_id))
        .order_by(Assignment.party_id, (Assignment.state == AssignmentState.ASSIGNED).desc(), Assignment.id.desc())
    )
    return dict(db.execute(of_parties).tuples().all())


def _several(db: Session, chunk: Chunk, of: ColumnElement[bool]) -> dict[str, list[tuple[uuid.UUID, str]]]:
    """The parties in scope with several open assignments: these and their versions' labels, the newest last."""
    version: Any = and_(CourseVersion.org_id == Assignment.org_id, CourseVersion.id == Assignment.course_version_id)
    label = select(CourseVersion.label).where(version).scalar_subquery()
    published_at = select(CourseVersion.published_at).where(version).scalar_subquery()
    rows = db.execute(
        select(Assignment.party_id, Assignment.id, label.label("label"), published_at.label("published_at")).where(
            Assignment.org_id == chunk.job.org_id,
            of,
            chunk.covers(Assignment.party_id),
            Assignment.state == AssignmentState.ASSIGNED,
            directory.in_scope(Assignment.party_id, chunk.job.scope),
        )
    ).all()
    found: dict[str, list[tuple[uuid.UUID, str]]] = {}
    for row in sorted(rows, key=lambda row: row.published_at):
        found.setdefault(row.party_id, []).append((row.id, row.label))
    recipients = set(db.scalars(chunk.recipients))
    return {party_id: each for party_id, each in found.items() if len(each) > 1 and party_id in recipients}
