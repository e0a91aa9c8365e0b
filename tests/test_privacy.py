"""Names and e-mail addresses are stored in the directory and nowhere else.

Parties with marked names go through the directory, an assignment and failures of every kind. Then the marks are looked
for in the database, the events, Redis, the metrics and the log.
"""

import base64
import io
import json
import logging
from dataclasses import replace
from typing import Any

import pytest
import structlog
from fastapi import FastAPI
from redis import Redis
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from shared.events import cloud_event
from shared.jobs import KINDS
from shared.services.assignments import CREATE
from shared.settings import Settings
from tests.assignments.asking import assign, body, codes, pages
from tests.drain import InProcessWorker
from tests.factories import Org
from tests.feed import recorded
from tests.traces import everything_in, logged, stored

__all__ = ["everything_in", "logged", "stored"]

NAME, ADDRESS = "Ottoline Quillfeather", "ottoline@quillfeather.example"
MARKS = ("Quillfeather", "quillfeather")

KEEPS_THEM = {"party", "scim_user"}
"""The only tables with names and addresses of people."""


def marked(content: object) -> list[str]:
    """Return the marks that the content contains."""
    return [mark for mark in MARKS if mark in str(content)]


@pytest.fixture
def person(org: Org) -> str:
    """A party in the directory with a marked name and address. Returns its id."""
    party = {"entityId": "party-1", "displayName": NAME, "email": ADDRESS, "folders": ["crew"]}
    assert org.client().put("/v1/parties", json={"parties": [party]}).json()["created"] == 1
    return "party-1"


def explode(*_: object) -> Any:
    """Raise an error whose text contains the values of a row, as a database driver's error does."""
    raise RuntimeError(f"DETAIL: Failing row contains (party-1, {NAME}, {ADDRESS})")


def test_names_and_addresses_are_stored_only_in_the_directory(
    org: Org,
    person: str,
    worker: InProcessWorker,
    logged: io.StringIO,
    monkeypatch: pytest.MonkeyPatch,
    configured: Settings,
) -> None:
    """One long test, so that all traces of all steps are searched together at its end."""
    client, course = org.client(), org.with_course()
    # through the directory: a changed party, a malformed row, a search; erased at the end of the test
    bad = {"entityId": NAME, "displayName": NAME, "email": f"{NAME}@", NAME: NAME}
    renamed = {"entityId": person, "displayName": f"{NAME} II", "email": ADDRESS, "folders": ["crew"]}
    synced = client.put("/v1/parties", json={"parties": [bad, renamed]})
    assert (synced.json()["updated"], synced.json()["failed"], marked(synced.text)) == (1, 1, [])
    assert client.get("/v1/parties", params={"q": NAME}).json()["items"][0]["displayName"] == f"{NAME} II"
    # through assignments: one is created, one fails in the worker, one is refused as malformed
    assert codes(org, assign(org, worker, body(course, person))) == {person: "created"}
    with monkeypatch.context() as patch:
        patch.setitem(KINDS, CREATE.name, replace(CREATE, work=explode))
        assert codes(org, assign(org, worker, body(course, person))) == {person: "processing-failed"}
    refused = client.post("/v1/assignments", json=body(course, NAME, reason=[NAME], **{NAME: ADDRESS}))
    assert (refused.status_code, marked(refused.text)) == (422, [])
    # through internal errors: one of the program, one of the database
    for failing in (explode, lambda db, *_: db.execute(text("SELECT CAST(:name AS integer)"), {"name": NAME})):
        with monkeypatch.context() as patch:
            patch.setattr("shared.directory.put_parties", failing)
            failed = client.put("/v1/parties", json={"parties": [renamed]})
            assert (failed.status_code, marked(failed.text)) == (500, [])

    # through SCIM: one is taken, one is refused as malformed
    named = {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": ADDRESS, "externalId": person}
    assert client.post("/scim/v2/Users", json=named | {"displayName": NAME, "password": NAME}).status_code == 201
    refused = client.put(f"/scim/v2/Users/{person}", json=named | {"displayName": NAME, "timezone": NAME})
    assert (refused.status_code, marked(refused.text)) == (400, [])

    assert marked([cloud_event(event) for event in recorded(org)]) == []
    assert {name for name, rows in stored(org).items() if marked(rows)} == KEEPS_THEM
    assert marked(pages(client, "/v1/jobs")) == []
    in_redis = everything_in(configured.need_redis_url())
    assert ("jobs.run" in in_redis, marked(in_redis)) == (True, [])
    assert marked(client.get("/metrics").text) == []
    assert "processing-failed" not in logged.getvalue()
    assert "request failed" in logged.getvalue()
    assert "chunk failed" in logged.getvalue()
    assert marked(logged.getvalue()) == []

    client.post(f"/v1/parties/{person}/erase")
    assert marked(stored(org)) == []


def test_a_name_in_a_row_a_log_line_or_redis_is_found(
    org: Org, person: str, logged: io.StringIO, configured: Settings
) -> None:
    """The control: the search above finds a name that is put into each of these places."""
    assert marked(stored(org)["party"]) == [*MARKS]
    logging.getLogger("elsewhere").debug("wrote to %s", NAME)
    assert marked(logged.getvalue()) == ["Quillfeather"]
    key, message = f"tests:{org.id}", base64.b64encode(json.dumps([NAME]).encode())
    with Redis.from_url(configured.need_redis_url()) as redis:
        redis.rpush(key, json.dumps({"body": message.decode()}))
        found = everything_in(configured.need_redis_url())
        redis.delete(key)
    assert marked(found) == ["Quillfeather"]


def test_the_text_of_an_exception_is_never_logged(logged: io.StringIO) -> None:
    """Neither by the program's own logger nor by a library's standard logging; type and place are logged."""
    for log in (structlog.get_logger().error, logging.getLogger("library").error):
        try:
            explode()
        except RuntimeError:
            log("it failed", exc_info=True)
    lines = logged.getvalue().splitlines()
    assert len(lines) == 2
    assert all("RuntimeError" in line and "test_privacy.py" in line for line in lines)
    assert marked(lines) == []


def test_the_text_of_a_database_error_contains_no_parameters(org: Org) -> None:
    """The log drops such a text anyway, but a command or a debugger prints it."""
    with pytest.raises(DBAPIError) as failed, org.transaction() as db:
        db.execute(text("SELECT 1 / 0, CAST(:name AS text)"), {"name": NAME})
    assert marked(failed.value) == []


def test_metrics_are_labelled_with_route_patterns_and_contain_no_ids(app: FastAPI, org: Org, person: str) -> None:
    client = org.client()
    client.get(f"/v1/parties/{person}")
    client.get(f"/v1/{NAME}")
    figures = client.get("/metrics").text
    assert 'route="/v1/parties/{party_id}"' in figures
    assert person not in figures
    assert marked(figures) == []
