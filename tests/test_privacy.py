"""Names and e-mail addresses stay where they belong. Marked ones go through the directory, an assignment and failures
of every kind, and are then looked for in everything that leaves the house or stays for years.
"""

import base64
import io
import json
import logging
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
import structlog
from fastapi import FastAPI
from redis import Redis
from sqlalchemy import select, text

from shared.events import cloud_event
from shared.jobs import KINDS
from shared.services.assignments import CREATE
from shared.settings import Settings
from shared.tables import metadata
from tests.assignments.asking import assign, body, codes, pages
from tests.drain import Workshop
from tests.factories import Org
from tests.feed import recorded

NAME, ADDRESS = "Ottoline Quillfeather", "ottoline@quillfeather.example"
MARKS = ("Quillfeather", "quillfeather")

KEEPS_THEM = {"party"}
"""The only table with names and addresses of people."""


@pytest.fixture
def logged(configured: Settings) -> Iterator[io.StringIO]:
    """Everything that is logged meanwhile, as the service writes it, at the most talkative level.

    But for the test's own HTTP client, which logs the addresses that it asks for.
    """
    root = logging.getLogger()
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    formatters = (one.formatter for one in root.handlers)
    handler.setFormatter(next(one for one in formatters if isinstance(one, structlog.stdlib.ProcessorFormatter)))
    handler.addFilter(lambda record: not record.name.startswith("httpx"))
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield written
    root.removeHandler(handler)
    root.setLevel(level)


def marked(content: object) -> list[str]:
    """The marks that are in something."""
    return [mark for mark in MARKS if mark in str(content)]


@pytest.fixture
def person(org: Org) -> str:
    """A party with a marked name and address, in the directory. Answers its id."""
    party = {"entityId": "party-1", "displayName": NAME, "email": ADDRESS, "folders": ["crew"]}
    assert org.client().put("/v1/parties", json={"parties": [party]}).json()["created"] == 1
    return "party-1"


def explode(*_: object) -> Any:
    """A failure whose text holds what a driver's would: the values of the row."""
    raise RuntimeError(f"DETAIL: Failing row contains (party-1, {NAME}, {ADDRESS})")


def test_names_and_addresses_are_only_in_the_directory(
    org: Org,
    person: str,
    workshop: Workshop,
    logged: io.StringIO,
    monkeypatch: pytest.MonkeyPatch,
    configured: Settings,
) -> None:
    client, course = org.client(), org.with_course()
    # through the directory: changed, in a bad row, in a question, erased and sent again
    bad = {"entityId": NAME, "displayName": NAME, "email": f"{NAME}@", NAME: NAME}
    renamed = {"entityId": person, "displayName": f"{NAME} II", "email": ADDRESS, "folders": ["crew"]}
    synced = client.put("/v1/parties", json={"parties": [bad, renamed]})
    assert (synced.json()["updated"], synced.json()["failed"], marked(synced.text)) == (1, 1, [])
    assert client.get("/v1/parties", params={"q": NAME}).json()["items"][0]["displayName"] == f"{NAME} II"
    # through an assignment: one that is made, one of which the work fails, and input that is refused
    assert codes(org, assign(org, workshop, body(course, person))) == {person: "created"}
    with monkeypatch.context() as patch:
        patch.setitem(KINDS, CREATE.name, replace(CREATE, work=explode))
        assert codes(org, assign(org, workshop, body(course, person))) == {person: "processing-failed"}
    refused = client.post("/v1/assignments", json=body(course, NAME, reason=[NAME], **{NAME: ADDRESS}))
    assert (refused.status_code, marked(refused.text)) == (422, [])
    # through failures of our own: one of the program, one of the database
    for failing in (explode, lambda db, *_: db.execute(text("SELECT CAST(:name AS integer)"), {"name": NAME})):
        with monkeypatch.context() as patch:
            patch.setattr("shared.directory.put_parties", failing)
            failed = client.put("/v1/parties", json={"parties": [renamed]})
            assert (failed.status_code, marked(failed.text)) == (500, [])

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


def stored(org: Org) -> dict[str, list[Any]]:
    """Every row of an organization, by table."""
    with org.transaction() as db:
        return {name: list(db.execute(select(table))) for name, table in metadata.tables.items()}


READS: dict[bytes, Callable[[Any, bytes], Any]] = {
    b"string": lambda redis, key: redis.get(key),
    b"list": lambda redis, key: redis.lrange(key, 0, -1),
    b"hash": lambda redis, key: redis.hgetall(key),
    b"set": lambda redis, key: redis.smembers(key),
    b"zset": lambda redis, key: redis.zrange(key, 0, -1),
    b"stream": lambda redis, key: redis.xrange(key),
    b"none": lambda redis, key: None,
}
"""How a key is read, by its type; others may delete one meanwhile."""


def everything_in(redis_url: str) -> str:
    """Every key of Redis with its value, and what is encoded there: messages are in Base64."""
    with Redis.from_url(redis_url) as redis:
        text = str([(key, READS[redis.type(key)](redis, key)) for key in redis.scan_iter()])
    encoded = re.findall(r"[A-Za-z0-9+/]{16,}={0,2}", text)
    return text + str([base64.b64decode(each + "=" * (-len(each) % 4)) for each in encoded if len(each) % 4 != 1])


def test_the_search_finds_what_is_there(org: Org, person: str, logged: io.StringIO, configured: Settings) -> None:
    """The control for each place: a name that is put there is found."""
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
    """Whoever logs it: ours, or a library through the standard logging."""
    for log in (structlog.get_logger().error, logging.getLogger("library").error):
        try:
            explode()
        except RuntimeError:
            log("it failed", exc_info=True)
    lines = logged.getvalue().splitlines()
    assert len(lines) == 2
    assert all("RuntimeError" in line and "test_privacy.py" in line for line in lines)
    assert marked(lines) == []


def test_metrics_name_routes_and_no_ids(app: FastAPI, org: Org, person: str) -> None:
    client = org.client()
    client.get(f"/v1/parties/{person}")
    client.get(f"/v1/{NAME}")
    figures = client.get("/metrics").text
    assert 'route="/v1/parties/{party_id}"' in figures
    assert person not in figures
    assert marked(figures) == []
