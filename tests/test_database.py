"""How statements reach PostgreSQL."""

from sqlalchemy import text

from shared.database import Database
from tests.assignments.asking import body, submit
from tests.drain import Workshop
from tests.factories import Org


def test_statements_are_planned_for_what_they_are_given(org: Org, workshop: Workshop) -> None:
    """However often they come: the sixth time, one plan for all would do, which takes any array for a short one."""
    for database in (org.service.database, workshop.database):
        database.engine.dispose()  # what other tests have these connections keep
    org.with_parties("a", "b")
    for _ in range(8):
        asked = body(org.with_course(), "a", "b")
        assert org.client().post("/v1/assignments/preview", json=asked).json()["total"] == 2
        submit(org.client(), asked)
        workshop.drain(org.id)
    assert [kept(database) for database in (org.service.database, workshop.database)] == [[], []]


def kept(database: Database) -> list[str]:
    """The statements that the connection used last keeps prepared, but for our questions, which are to."""
    with database.transaction(None) as db:
        return list(db.scalars(text("SELECT statement FROM pg_prepared_statements WHERE from_sql IS FALSE")))
