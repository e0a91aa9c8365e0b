"""The values that a job found in the assignments that it changes, kept so that its undo can put it back."""

import uuid
from collections.abc import Collection, Mapping
from typing import Any

import orjson
from sqlalchemy import Text, any_, cast, func, insert, literal, null, select, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from shared.arrays import is_one_of, texts
from shared.assignments.models import Assignment, AssignmentChange
from shared.assignments.queries import with_ids
from shared.assignments.reopening import ENDINGS
from shared.database import current_org
from shared.jobs import Chunk

FORMER = ("state", "due_on", "reason", "reminders", *ENDINGS)
"""The columns that a job may change in an assignment."""


def keep(
    db: Session, chunk: Chunk, ids: Collection[uuid.UUID], moved_to: Mapping[uuid.UUID, uuid.UUID] | None = None
) -> None:
    """Store what these locked assignments hold now, just before the job changes each of them once.

    moved_to: the assignments that are made instead of them, by id.
    """
    if not ids:
        return
    pairs = [part for name in FORMER for part in (literal(name, Text), getattr(Assignment, name))]
    moved = literal({str(key): str(value) for key, value in (moved_to or {}).items()}, JSONB)
    to = cast(moved.op("->>")(cast(Assignment.id, Text)), Assignment.id.type) if moved_to else null()
    columns = ["org_id", "job_id", "assignment_id", "revision", "former", "moved_to"]
    former = func.jsonb_strip_nulls(func.jsonb_build_object(*pairs))
    found = select(Assignment.org_id, literal(chunk.job.id), Assignment.id, Assignment.revision + 1, former, to)
    db.execute(insert(AssignmentChange).from_select(columns, found.where(*with_ids(chunk.job.org_id, ids))))


def kept(db: Session, job_id: uuid.UUID, ids: Collection[uuid.UUID]) -> dict[uuid.UUID, Any]:
    """Return what a job kept of these assignments, by id: `assignment_id, revision, former, moved_to`."""
    rows = db.execute(
        select(
            AssignmentChange.assignment_id,
            AssignmentChange.revision,
            AssignmentChange.former,
            AssignmentChange.moved_to,
        ).where(
            AssignmentChange.org_id == current_org(db),
            AssignmentChange.job_id == job_id,
            is_one_of(AssignmentChange.assignment_id, list(ids)),
        )
    )
    return {row.assignment_id: row for row in rows}


def kept_of_older(db: Session, job_id: uuid.UUID, newer: Collection[uuid.UUID]) -> dict[uuid.UUID, Any]:
    """Return what a job kept of assignments of older versions that these ones had satisfied, by id."""
    rows = db.execute(
        select(
            AssignmentChange.org_id,
            AssignmentChange.assignment_id,
            AssignmentChange.revision,
            AssignmentChange.former,
        ).where(
            AssignmentChange.org_id == current_org(db),
            AssignmentChange.job_id == job_id,
            AssignmentChange.former["satisfied_by"].astext == any_(texts([str(one) for one in newer])),
        )
    )
    return {row.assignment_id: row for row in rows}


_PUT_BACK = text(f"""
    UPDATE assignment SET revision = revision + 1, ({", ".join(FORMER)}) =
        (SELECT {", ".join(f"former.{name}" for name in FORMER)} FROM jsonb_populate_record(
            NULL::assignment, cast(:formers AS jsonb) -> assignment.id::text) AS former)
    WHERE org_id = :org AND id = ANY (cast(:ids AS uuid[]))""")  # noqa: S608 - names of columns
"""Looks the former values up by id in one parameter: a join could get a plan of quadratic cost without statistics."""


def put_back(db: Session, formers: Mapping[uuid.UUID, Mapping[str, Any]]) -> None:
    """Give these locked assignments the values that a job found in them."""
    if formers:
        given = orjson.dumps({str(key): dict(value) for key, value in formers.items()}).decode()
        db.execute(_PUT_BACK, {"org": current_org(db), "ids": list(formers), "formers": given})
