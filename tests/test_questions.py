"""The connections of `Database.ask`, which has no transaction of SQLAlchemy: they serve as the serving role too."""

import asyncio
from typing import Any

import psycopg
import pytest

from shared.asking import Question
from shared.database import SERVING_ROLE, Database, UnsafeRole
from tests.conftest import Servers
from tests.factories import Org

ROLE = Question("role", "SELECT current_user::text, count(*) FROM party WHERE id <> %(but)s", {"but": "text"})


def asked(url: str, org_id: str) -> list[tuple[Any, ...]]:
    """Ask for the role of a question and the number of parties that it sees, over a new connection."""
    database = Database(url, name="test")
    try:
        return asyncio.run(database.ask(org_id, ROLE, {"but": ""}))
    finally:
        database.close()


@pytest.mark.parametrize("address", ["owner_url", "admin_url"])
def test_a_question_is_asked_as_the_serving_role_whatever_role_logs_in(
    org: Org, other_org: Org, servers: Servers, address: str
) -> None:
    org.with_parties("party-0", "party-1", "party-2")
    url = getattr(servers, address)
    assert [asked(url, one.id) for one in (org, other_org)] == [[(SERVING_ROLE, 3)], [(SERVING_ROLE, 0)]]


@pytest.mark.parametrize("address", ["owner_url", "admin_url"])
def test_no_question_is_asked_as_a_role_that_bypasses_row_level_security(
    org: Org, servers: Servers, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    url = getattr(servers, address)
    with psycopg.connect(url) as connection:
        monkeypatch.setattr("shared.database.SERVING_ROLE", connection.info.user)
    with pytest.raises(UnsafeRole, match="bypasses row-level security or owns tables"):
        asked(url, org.id)
