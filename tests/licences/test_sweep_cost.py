"""The cost of the sweep: the statements of a batch, their plans among 100,000 licences, and the rows it writes."""

import re

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from shared import clock, licences
from shared.catalogue import Course
from shared.licences import Licence
from shared.services.sweeps import Step
from tests.assignments.asking import parties
from tests.factories import OPERATOR, Org, Statements, count_statements
from tests.licences.conftest import Crowd
from tests.licences.earning import NOON
from tests.licences.sweeps import DAY, published, put_licences, request_sweep, sweep, take_step


def test_publishing_writes_no_row_of_licence(org: Org, course: str) -> None:
    """`licence` has ten indexes, and updating them would dominate the cost of a sweep."""
    put_licences(org, course, {"a": NOON, "b": NOON + 40 * DAY})
    rows = select(Licence.id, text("licence.xmin::text")).order_by(Licence.id)
    with org.transaction() as db:
        before = db.execute(rows).all()
    sweep(org, NOON)
    assert len(published(org)) == 4 + 1
    with org.transaction() as db:
        assert db.execute(rows).all() == before


def test_a_batch_of_any_size_sends_the_same_statements(org: Org, course: str) -> None:
    ids = parties(2020)
    org.with_parties(*ids)
    sent = []
    for some in (ids[:20], ids[20:]):
        put_licences(org, course, dict.fromkeys(some, NOON))
        request_sweep(org, NOON)
        with count_statements(org.parts.database.engine) as counted:
            assert take_step(org, NOON) is Step.DONE
        sent.append(counted.sent)
    assert sent[0] == sent[1]
    assert len(sent[0]) < 20


def test_a_batch_uses_indexes_among_100_000_licences(crowd: Crowd) -> None:
    """The plans of the statements as they are sent: they read only rows that are due, and join nothing to the batch."""
    with crowd.org.transaction() as db:
        later = clock.now() + 895 * DAY
        sweep_id = licences.ask_sweep(db, OPERATOR, later).id
        with count_statements(crowd.org.parts.database.engine) as counted:
            assert licences.sweep_batch(db, sweep_id, later, 4000).size == 4000
        select_plan, update_plan = (plan(db, counted, begin) for begin in ("SELECT licence_id", "UPDATE licence_due"))
        db.rollback()
    assert "Index Scan using ix_licence_due_at" in select_plan, select_plan
    (condition,) = re.findall("Index Cond: .*", update_plan)
    assert "licence_id = ANY" in condition, update_plan
    for never in ("Seq Scan", "Nested Loop", "Join"):
        assert never not in select_plan + update_plan, select_plan + update_plan


@pytest.mark.parametrize("renews", [True, False])
def test_only_licences_of_courses_that_renew_are_read(crowd: Crowd, renews: bool) -> None:
    with crowd.org.transaction() as db:
        if renews:
            db.execute(update(Course).where(Course.id == crowd.course).values(renew_before_days=45))
        db.connection()
        with count_statements(crowd.org.parts.database.engine) as counted:
            renewals = licences.due_renewals(db, "UTC", clock.now() + 880 * DAY, 2000)
        plans = [plan(db, counted, begin) for begin in ("SELECT licence.id", "UPDATE licence") if renews]
        db.rollback()
    assert sum(len(one.party_ids) for one in renewals) == (2000 if renews else 0)
    assert counted.count == (3 if renews else 1)
    for found in plans:
        assert "Seq Scan on licence" not in found, found
        assert re.search("Index Cond: .*(course_id =|id = ANY)", found), found


def plan(db: Session, counted: Statements, begin: str) -> str:
    """Returns PostgreSQL's plan for the only one of these statements that begins so."""
    (at,) = (n for n, sent in enumerate(counted.sent) if sent.strip().startswith(begin))
    lines = db.connection().exec_driver_sql(f"EXPLAIN {counted.sent[at]}", counted.parameters[at]).scalars()
    return "\n".join(lines)
