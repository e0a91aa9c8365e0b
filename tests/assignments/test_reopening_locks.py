"""Reopening takes every row lock, also that of a unique index, before the event counter: see docs/locks.md."""

import uuid

import pytest
from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from shared import clock, events
from shared.access import Caller, Permission
from shared.assignments import AlreadyAssigned, Assignment, ReopenRequest
from shared.events import Fact
from shared.services.completions import reopen_assignment
from tests.assignments.asking import assign, body
from tests.drain import InProcessWorker
from tests.factories import OPERATOR, Org
from tests.racing import blocked


def test_reopening_waits_for_an_assigning_chunk_before_it_holds_the_event_counter(
    org: Org, worker: InProcessWorker
) -> None:
    """The chunk has made an open assignment of the same version and party, and goes on to the counter."""
    org.with_parties("party-1")
    course = org.with_course(licenceOn="completion")
    assign(org, worker, body(course, "party-1"))
    with org.transaction() as db:
        assignment_id: uuid.UUID = db.scalars(select(Assignment.id)).one()
    assert org.client().post(f"/v1/assignments/{assignment_id}/complete").status_code == 200

    def reopen(db: Session) -> None:
        caller = Caller(org.id, "member-1", frozenset({Permission.MANAGE_ASSIGNMENTS}))
        reopen_assignment(db, caller, assignment_id, ReopenRequest(reason="x"), None, clock.now())

    with org.transaction() as chunk:
        done = chunk.scalars(select(Assignment)).one()
        copied = (
            "org_id",
            "course_id",
            "course_version_id",
            "party_id",
            "reason",
            "assigned_by_type",
            "assigned_by_id",
        )
        values = {name: getattr(done, name) for name in copied} | {"assigned_at": clock.now()}
        made = chunk.scalars(insert(Assignment).values(values).returning(Assignment.id)).one()
        with blocked(org, reopen) as reopening:
            events.record(chunk, OPERATOR, clock.now(), Fact("assignment.created", f"assignment/{made}"))
            chunk.commit()
            with pytest.raises(AlreadyAssigned):
                reopening.result(30)
