"""Errors of PostgreSQL that pass are named as they are, and a connection to a server that lost its role is dropped."""

import inspect
import io
import json
from dataclasses import replace

import psycopg
import pytest
from fastapi.testclient import TestClient
from psycopg import errors
from sqlalchemy import exc, text

from api.app import create_app
from api.http.problems import DATABASE_ERRORS, problem_of
from shared import outages
from shared.database import Database
from shared.settings import Settings
from tests.conftest import Servers
from tests.factories import Org
from tests.traces import logged

__all__ = ["logged"]

PASSING_CLASSES = ("40", "53", "55", "57")
"""Classes of SQLSTATE: transaction rollback, insufficient resources, object not in the right state, intervention."""

PASSING = [
    kind
    for _, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, psycopg.Error)
    and kind.sqlstate
    and (kind.sqlstate[:2] in PASSING_CLASSES or kind in outages.MISTAKEN_FOR_BUGS)
    and kind is not errors.TransactionIntegrityConstraintViolation
]

REALLY_AWAY = {
    kind.sqlstate
    for kind in PASSING
    if kind.sqlstate
    if kind.sqlstate == "40003" or (kind.sqlstate[:2] in ("55", "57") and kind.sqlstate not in ("55P03", "57014"))
}
"""The server is going or coming, or does not know if it committed: nothing more can be said than that it is away."""


@pytest.mark.parametrize("kind", PASSING, ids=lambda kind: kind.__name__)
def test_every_passing_error_of_postgresql_is_a_503_that_names_it(kind: type[psycopg.Error]) -> None:
    wrapped = exc.OperationalError("statement", {}, kind(), hide_parameters=True)
    for error in (wrapped, kind()):
        assert isinstance(error, DATABASE_ERRORS)
        problem = problem_of(error, "/v1/any")
        assert (problem.status, problem.slug) == (503, "unavailable")
        assert ("cannot be reached" in problem.detail) == (kind.sqlstate in REALLY_AWAY), kind.sqlstate


def test_a_lock_that_is_not_free_in_time_is_told_as_that_and_logged_with_its_code(
    org: Org, logged: io.StringIO
) -> None:
    with org.transaction() as db:
        db.execute(text("SELECT FROM organization WHERE id = :id FOR UPDATE"), {"id": org.id})
        answer = org.client().put("/v1/settings", json={"changeLimit": 7})
    assert answer.status_code == 503, answer.text
    assert answer.headers["Retry-After"] == "2"
    assert "is changing the same records" in answer.json()["detail"]
    (line,) = [json.loads(line) for line in logged.getvalue().splitlines() if "database did not answer" in line]
    assert line["sqlstate"] == "55P03"


@pytest.fixture
def demoted(servers: Servers, configured: Settings) -> Database:
    """A database whose one connection is read-only, as after a failover; new connections are not."""
    database = Database(configured.need_database_url(), name="test", pool_size=1)
    with database.transaction(None) as db:
        db.execute(text("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY"))
    return database


def test_a_connection_to_a_server_that_takes_no_writes_is_dropped(demoted: Database) -> None:
    change = text("UPDATE mail_switch SET is_on = is_on")
    with pytest.raises(exc.OperationalError) as refused, demoted.transaction(None) as db:
        db.execute(change)
    assert refused.value.connection_invalidated
    assert outages.sqlstate(refused.value) == "25006"
    with demoted.transaction(None) as db:
        db.execute(change)
    demoted.close()


def test_a_write_outside_of_a_session_drops_such_a_connection_too(demoted: Database) -> None:
    change: tuple[str, dict[str, object]] = ("UPDATE mail_switch SET is_on = is_on", {})
    with pytest.raises(errors.ReadOnlySqlTransaction):
        demoted.note("any", change)
    demoted.note("any", change)
    demoted.close()


def test_writes_to_a_read_only_database_are_answered_with_503_and_readiness_tells_it(
    org: Org, demoted: Database
) -> None:

    app = create_app(replace(org.parts, database=demoted))
    client = TestClient(app, headers=dict(org.client().headers))
    ready = client.get("/health/ready")
    assert (ready.status_code, ready.json()["checks"]["database"]) == (503, "takes no writes (ReadOnlySqlTransaction)")
    assert client.get("/health/ready").status_code == 200
    with demoted.transaction(None) as db:
        db.execute(text("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY"))
    refused = client.post("/v1/courses", json={"code": "H2S", "title": "H2S", "mode": "online"})
    assert (refused.status_code, refused.headers.get("Retry-After")) == (503, "2"), refused.text
    assert "takes no changes at the moment" in refused.json()["detail"]
    demoted.close()
