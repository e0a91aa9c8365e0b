"""Hostile and malformed input to every operation: each answer is a 4xx problem document that repeats none of the input.

Nothing is written to the database, and no log line contains the input. The operations come from the OpenAPI document,
so a new route is tested by itself.
"""

import base64
import logging
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from api.http.dependencies import MAX_BODY_BYTES
from api.http.parts import Parts
from shared import events
from shared.access import Permission
from tests.factories import Org, add_org
from tests.routes import Operation, lists, operations

MARK = "Zebediah Quillfeather"
"""A person's name, sent in all kinds of input. No answer and no log line may contain it."""

IDS = {
    "course_id": "01990000-0000-7000-8000-000000000000",
    "version_id": "01990000-0000-7000-8000-000000000000",
    "assignment_id": "01990000-0000-7000-8000-000000000000",
    "licence_id": "01990000-0000-7000-8000-000000000000",
    "job_id": "01990000-0000-7000-8000-000000000000",
    "webhook_id": "01990000-0000-7000-8000-000000000000",
    "delivery_id": "01990000-0000-7000-8000-000000000000",
    "party_id": "party-1",
    "folder_id": "folder-1",
    "session_id": "01990000-0000-7000-8000-000000000000",
    "pack_id": "01990000-0000-7000-8000-000000000000",
    "sweep_id": "01990000-0000-7000-8000-000000000000",
}
"""A well-formed id of nothing for each parameter in a path. A new parameter needs a line here."""

JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def org(app: FastAPI, parts: Parts) -> Org:
    """One organization for all tests of this file, since none of them may write to it."""
    return add_org(app, parts)


@pytest.fixture(autouse=True)
def nothing_written_or_logged(org: Org, caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Fail a test after which there is a new event, as every change records one, or a log line with the input."""
    caplog.set_level(logging.DEBUG)
    before = head(org)
    yield
    assert head(org) == before
    ours = [record for record in caplog.get_records("call") if not record.name.startswith("httpx")]
    assert not [record for record in ours if MARK in str(record.__dict__)]


def head(org: Org) -> int:
    """Return the sequence of the organization's newest event."""
    with org.transaction() as db:
        return events.head(db)


def refused(answer: Any, *statuses: int) -> dict[str, Any]:
    """Return the problem document of a 4xx answer. Fails for other statuses, and if it repeats the input."""
    request = f"{answer.request.method} {answer.request.url.path}"
    assert 400 <= answer.status_code < 500, f"{request}: {answer.status_code} {answer.text[:500]}"
    assert not statuses or answer.status_code in statuses, f"{request}: {answer.status_code} {answer.text[:500]}"
    assert answer.headers["content-type"] == "application/problem+json", request
    assert MARK not in answer.text, request
    assert len(answer.content) < 20_000, request
    problem: dict[str, Any] = answer.json()
    assert problem["status"] == answer.status_code
    assert {"type", "title", "detail"} <= problem.keys()
    return problem


def with_body(app: FastAPI) -> list[Operation]:
    """Return every operation that reads a JSON body."""
    return [operation for operation in operations(app) if operation.body is not None]


# --- bodies


BODIES = {
    "broken": f'{{"reason": "{MARK}"'.encode(),
    "single-quoted": f"{{'reason': '{MARK}'}}".encode(),
    "nan": f'{{"reason": "{MARK}", "dueOn": NaN}}'.encode(),
    "infinity": f'{{"reason": "{MARK}", "dueOn": Infinity}}'.encode(),
    "minus-infinity": f'{{"reason": "{MARK}", "dueOn": -Infinity}}'.encode(),
    "lone-surrogate": f'{{"reason": "{MARK} \\ud800"}}'.encode(),
    "lone-surrogate-in-a-name": f'{{"{MARK} \\udfff": 1}}'.encode(),
    "not-utf-8": f'{{"reason": "{MARK} \xff"}}'.encode("latin-1"),
    "utf-16": f'{{"reason": "{MARK}"}}'.encode("utf-16"),
    "deep-arrays": b'{"reason": ' + b"[" * 200_000 + b"]" * 200_000 + b"}",
    "deep-objects": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "array": f'["{MARK}"]'.encode(),
    "string": f'"{MARK}"'.encode(),
    "number": b"7",
    "enormous-number": b'{"changeLimit": ' + b"9" * 5000 + b"}",
    "unknown-field": f'{{"nickname": "{MARK}"}}'.encode(),
    "unknown-field-that-is-a-name": f'{{"{MARK}": 1}}'.encode(),
    "unknown-field-without-end": b'{"' + b"a" * 100_000 + b'": 1}',
    "two-documents": f'{{}}{{"reason": "{MARK}"}}'.encode(),
    "nul": f'{{"reason": "{MARK}\\u0000", "name": "{MARK}\\u0000", "title": "{MARK}\\u0000"}}'.encode(),
    "wrong-types": f'{{"reason": ["{MARK}"], "name": {{}}, "enabled": "{MARK}", "changeLimit": "{MARK}"}}'.encode(),
}


@pytest.mark.parametrize("name", BODIES)
def test_every_operation_refuses_a_hostile_body(app: FastAPI, org: Org, name: str) -> None:
    client = org.client()
    for operation in with_body(app):
        refused(operation.call(client, IDS, content=BODIES[name], headers=JSON), 422)


def test_an_empty_body_is_refused_where_a_body_is_required(app: FastAPI, org: Org) -> None:
    client = org.client()
    for operation in with_body(app):
        if operation.needed:
            refused(operation.call(client, IDS, content=b"", headers=JSON), 422)
            refused(operation.call(client, IDS), 415, 422)


@pytest.mark.parametrize("kind", ["text/plain", "application/xml", "multipart/form-data; boundary=x", "json", ""])
def test_a_body_that_is_not_declared_as_json_is_refused(app: FastAPI, org: Org, kind: str) -> None:
    client = org.client()
    for operation in with_body(app):
        body = f'{{"reason": "{MARK}"}}'
        problem = refused(operation.call(client, IDS, content=body, headers={"Content-Type": kind}), 415)
        assert problem["type"] == "urn:rollcall:problem:unsupported-media-type"


@pytest.mark.parametrize("declared", [True, False])
def test_a_body_of_more_than_8_mib_is_too_large(app: FastAPI, org: Org, declared: bool) -> None:
    """Both with a `Content-Length` header and in chunks of unknown total length."""
    body = b'{"reason": "' + b"x" * (MAX_BODY_BYTES + 1024 * 1024) + b'"}'
    pieces = [body[at : at + 65_536] for at in range(0, len(body), 65_536)]
    client = org.client()
    for operation in with_body(app):
        answer = operation.call(client, IDS, content=body if declared else iter(pieces), headers=JSON)
        assert answer.status_code == 413
        assert refused(answer)["type"] == "urn:rollcall:problem:body-too-large"


def test_an_answer_names_at_most_100_wrong_places(org: Org) -> None:
    """Else a body of 8 MiB in which everything is wrong would get an answer many times as large."""
    body = {"courseId": IDS["course_id"], "reason": "x", "recipients": [{"entityType": MARK}] * 1000}
    assert len(refused(org.client().post("/v1/assignments", json=body), 422)["errors"]) == 100


def test_a_well_formed_body_is_read(org: Org) -> None:
    """The control: a body sent in the same way is read, as the refused place shows that only its course is unknown."""
    body = b'{"courseId": "01990000-0000-7000-8000-000000000000", "reason": "x", "folderIds": ["f"]}'
    answer = org.client().post("/v1/assignments/preview", content=body, headers=JSON)
    assert [error["pointer"] for error in refused(answer, 422)["errors"]] == ["/courseId"]


# --- addresses, queries and headers


def reads(app: FastAPI) -> list[Operation]:
    """Return every GET operation but the stream, which ends only with its job."""
    return [operation for operation in operations(app) if operation.method == "GET" and "stream" not in operation.path]


@pytest.mark.parametrize("value", ["%00", "a%00b", "%ff", "..%2f..", "a%20b", "%0a", "a" * 5000, "%ED%A0%80", MARK])
def test_a_malformed_id_in_a_path_is_refused(app: FastAPI, org: Org, value: str) -> None:
    client = org.client()
    for operation in operations(app):
        for name in operation.inside:
            address = operation.path.replace(f"{{{name}}}", value).format(**IDS)
            body: dict[str, str] | None = None if operation.body is None else {}
            refused(client.request(operation.method, address, json=body), 404, 405, 422)


VALUES = ["\0", "a\0b", MARK, "9" * 400, "-1", "1e400", "NaN", "%", "'; DROP TABLE party; --", b"\xed\xa0\x80", b"\xff"]


@pytest.mark.parametrize("value", VALUES, ids=range(len(VALUES)))
def test_a_malformed_query_value_is_refused_or_searched_for_as_text(app: FastAPI, org: Org, value: str | bytes) -> None:
    """A text parameter accepts every text without NUL; all other parameters refuse the value."""
    client = org.client(party="party-1")
    for operation in reads(app):
        for name in operation.queries:
            written = quote(value)
            answer = operation.call(
                client, IDS, query=f"{name}={written}" if name == "wait" else f"{name}={written}&wait=0"
            )
            if answer.status_code != 200 or "%00" in written:
                refused(answer, 404, 422)


def encoded(text: str | bytes) -> str:
    """Return the text in the encoding of cursors: URL-safe Base64 without padding."""
    raw = text.encode() if isinstance(text, str) else text
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "page-2",
        "é",
        "=" * 10,
        "A" * 2001,
        encoded(b"\xff\xfe"),
        encoded(">"),
        encoded("<s:a"),
        encoded(">s:a\0"),
        encoded(">s:a~s:b~s:c"),
        encoded(">i:" + "9" * 5000),
        encoded(">n:NaN~n:NaN"),
        encoded(">dt:9999-99-99"),
        encoded(">b:AAAA"),
        encoded(f">q:{MARK}"),
        encoded(">uuid:1"),
        encoded(">x"),
        encoded(">x~x"),
    ],
    ids=range(18),
)
def test_every_list_refuses_a_malformed_cursor(app: FastAPI, org: Org, cursor: str) -> None:
    client = org.client(party="party-1")
    for operation in lists(app):
        problem = refused(client.get(operation.path, params={"cursor": cursor}), 422)
        assert [error["pointer"] for error in problem["errors"]] == ["?cursor"], str(operation)


@pytest.mark.parametrize("key", [b"", b"k" * 256, b"\t", "schlüssel".encode("latin-1"), "schlüssel".encode(), b"a\x7f"])
def test_an_idempotency_key_must_be_1_to_255_printable_ascii_characters(org: Org, key: bytes) -> None:
    body = {"courseId": IDS["course_id"], "reason": "x", "folderIds": ["f"]}
    answer = org.client().post("/v1/assignments", json=body, headers=[(b"Idempotency-Key", key)])
    (error,) = refused(answer, 422)["errors"]
    assert error["pointer"] == "header:Idempotency-Key"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/v1/nothing", 404), ("DELETE", "/v1/me", 405), ("TRACE", "/v1/jobs", 405)],
)
def test_an_unknown_address_or_method_is_answered_with_a_problem_document(
    org: Org, method: str, path: str, status: int
) -> None:
    refused(org.client().request(method, f"{path}?name={MARK}"), status)


def test_a_request_without_a_valid_token_is_refused_before_its_body_is_read(app: FastAPI, org: Org) -> None:
    client = TestClient(app, raise_server_exceptions=False)
    for operation in operations(app):
        body: dict[str, Any] = {} if operation.body is None else {"content": BODIES["broken"]}
        refused(operation.call(client, IDS, headers=JSON | {"Authorization": f"Bearer {MARK}"}, **body), 401)


def test_a_request_without_the_permission_is_refused_before_its_body_is_read(org: Org) -> None:
    answer = org.client(Permission.VIEW).post("/v1/courses", content=BODIES["broken"], headers=JSON)
    assert refused(answer, 403)["type"] == "urn:rollcall:problem:permission-denied"
