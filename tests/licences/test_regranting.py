"""A licence that an undo grants again is the former one in every column, whichever columns there are."""

from datetime import date, datetime
from typing import Any

import pytest
from sqlalchemy import select, update

from shared import clock
from shared.licences import Licence
from tests.assignments.asking import assign, body
from tests.drain import InProcessWorker
from tests.factories import Org
from tests.jobs.ground import carry_out
from tests.licences.earning import held

NEW = {"id", "code", "revision", "job_id", "revoked_at", "revoked_by_type", "revoked_by_id", "revocation_reason"}
NEW |= {"revoked_job_id", "restored_at"}
"""The columns in which the new licence differs from the former one."""

NOT_FILLED = {"session_id", "superseded_at", "superseded_by_id", "undone_at"}
NOT_FILLED |= {"record_key", "record_row", "record_line", "completed_on", "issuer"}
"""The columns that are null in a licence that an assignment earned and that counts."""

SAMPLES: dict[type, Any] = {datetime: clock.now, date: lambda: clock.now().date(), int: lambda: 7, str: lambda: "end"}


def filled(kind: type) -> Any:
    """A value of this type. Ids of other rows have to be there already."""
    return SAMPLES[kind]()


@pytest.fixture
def assignment(org: Org, worker: InProcessWorker) -> str:
    """A completed assignment whose licence has a value in each column, and renews another one."""
    org.with_parties("a")
    course = org.with_course(licenceOn="completion")
    for _ in range(2):
        assign(org, worker, body(course, "a"))
        (one,) = org.client().get("/v1/assignments", params={"state": "assigned"}).json()["items"]
        org.client().post(f"/v1/assignments/{one['id']}/complete")
    _, licence = held(org, "a")
    empty = [
        column
        for column in Licence.__table__.columns
        if getattr(licence, column.name) is None and column.name not in NEW | NOT_FILLED
    ]
    with org.transaction() as db:
        values = {column.name: filled(column.type.python_type) for column in empty}
        db.execute(update(Licence).where(Licence.id == licence.id).values(values))
    return str(one["id"])


def test_a_licence_that_is_granted_again_is_the_former_one_in_every_column(
    org: Org, worker: InProcessWorker, assignment: str
) -> None:
    sent = {"assignmentIds": [assignment], "reason": "By mistake"}
    reopened = carry_out(org, worker, "/v1/assignments/reopen", sent)
    carry_out(org, worker, f"/v1/jobs/{reopened['id']}/undo")
    with org.transaction() as db:
        _, former, again = db.execute(select(Licence.__table__).order_by(Licence.id)).mappings().all()
    assert (former["revoked_at"] is None, again["revoked_at"]) == (False, None)
    assert again["restored_at"] >= former["revoked_at"]
    compared = [name for name in former if name not in NEW]
    assert {name: again[name] for name in compared} == {name: former[name] for name in compared}
    assert {name for name in compared if former[name] is None} == NOT_FILLED
