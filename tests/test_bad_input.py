"""Input that no client of ours sends: whatever comes, the answer is a 4xx problem document that repeats nothing of it,
nothing is written, and no log holds it.
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
from tests.routes import Operation, operations

MARK = "Zebediah Quillfeather"
"""Stands for what a caller sends, names among it."""

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
}
JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def org(app: FastAPI, parts: Parts) -> Org:
    """One organization for all of these tests: none of them may write to it."""
    return add_org(app, parts)


@pytest.fixture(autouse=True)
def untouched(org: Org, caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Nothing was recorded, hence nothing written; and no log of ours holds what was sent."""
    caplog.set_level(logging.DEBUG)
    before = head(org)
    yield
    assert head(org) == before
    ours = [record for record in caplog.get_records("call") if not record.name.startswith("httpx")]
    assert not [record for record in ours if MARK in str(record.__dict__)]


def head(org: Org) -> int:
    with org.transaction() as db:
        return events.head(db)


def refused(answer: Any, *statuses: int) -> dict[str, Any]:
    """The problem document of an answer that is a 4xx (one of these, where given) and repeats nothing."""
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
def test_no_operation_takes_a_hostile_body(app: FastAPI, org: Org, name: str) -> None:
    client = org.client()
    for operation in with_body(app):
        refused(operation.call(client, IDS, content=BODIES[name], headers=JSON), 422)


def test_an_empty_body_is_no_body(app: FastAPI, org: Org) -> None:
    client = org.client()
    for operation in with_body(app):
        if operation.needed:
            refused(operation.call(client, IDS, content=b"", headers=JSON), 422)
            refused(operation.call(client, IDS), 415, 422)


@pytest.mark.parametrize("kind", ["text/plain", "application/xml", "multipart/form-data; boundary=x", "json", ""])
def test_no_operation_reads_another_kind_of_body(app: FastAPI, org: Org, kind: str) -> None:
    client = org.client()
    for operation in with_body(app):
        body = f'{{"reason": "{MARK}"}}'
        problem = refused(operation.call(client, IDS, content=body, headers={"Content-Type": kind}), 415)
        assert problem["type"] == "urn:rollcall:problem:unsupported-media-type"


@pytest.mark.parametrize("declared", [True, False])
def test_a_body_of_more_than_8_mib_is_too_large(app: FastAPI, org: Org, declared: bool) -> None:
    """Whether its length is declared, or it comes in chunks without an end."""
    body = b'{"reason": "' + b"x" * (MAX_BODY_BYTES + 1024 * 1024) + b'"}'
    pieces = [body[at : at + 65_536] for at in range(0, len(body), 65_536)]
    client = org.client()
    for operation in with_body(app):
        answer = operation.call(client, IDS, content=body if declared else iter(pieces), headers=JSON)
        assert answer.status_code == 413
        assert refused(answer)["type"] == "urn:rollcall:problem:body-too-large"


def test_a_body_that_is_good_but_for_its_encoding_is_taken(org: Org) -> None:
    """The control: the same client, the same way, and a body that is right."""
    body = b'{"courseId": "01990000-0000-7000-8000-000000000000", "reason": "x", "folderIds": ["f"]}'
    answer = org.client().post("/v1/assignments/preview", content=body, headers=JSON)
    assert [error["pointer"] for error in refused(answer, 422)["errors"]] == ["/courseId"]


# --- addresses, queries and headers


def reads(app: FastAPI) -> list[Operation]:
    return [operation for operation in operations(app) if operation.method == "GET" and "stream" not in operation.path]


@pytest.mark.parametrize("value", ["%00", "a%00b", "%ff", "..%2f..", "a%20b", "%0a", "a" * 5000, "%ED%A0%80", MARK])
def test_an_id_that_is_none_is_refused(app: FastAPI, org: Org, value: str) -> None:
    client = org.client()
    for operation in operations(app):
        for name in operation.inside:
            address = operation.path.replace(f"{{{name}}}", value).format(**IDS)
            body: dict[str, str] | None = None if operation.body is None else {}
            refused(client.request(operation.method, address, json=body), 404, 405, 422)


VALUES = ["\0", "a\0b", MARK, "9" * 400, "-1", "1e400", "NaN", "%", "'; DROP TABLE party; --", b"\xed\xa0\x80", b"\xff"]


@pytest.mark.parametrize("value", VALUES, ids=range(len(VALUES)))
def test_no_query_value_fails(app: FastAPI, org: Org, value: str | bytes) -> None:
    """What is text may be searched for as it is, but for NUL; everything else that is no value is refused."""
    client = org.client(party="party-1")
    for operation in reads(app):
        for name in operation.queries:
            written = quote(value)
            answer = operation.call(
                client, IDS, query=f"{name}={written}" if name == "wait" else f"{name}={written}&wait=0"
            )
            if answer.status_code != 200 or "%00" in written:
                refused(answer, 404, 422)


LISTS = [
    "/v1/assignments",
    "/v1/sessions",
    "/v1/licences",
    "/v1/sweeps",
    "/v1/jobs",
    "/v1/courses",
    "/v1/parties",
    "/v1/folders",
]


def encoded(text: str | bytes) -> str:
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
@pytest.mark.parametrize("path", LISTS)
def test_a_cursor_that_is_none_is_refused(org: Org, path: str, cursor: str) -> None:
    problem = refused(org.client().get(path, params={"cursor": cursor}), 422)
    assert [error["pointer"] for error in problem["errors"]] == ["?cursor"]


@pytest.mark.parametrize("key", [b"", b"k" * 256, b"\t", "schlüssel".encode("latin-1"), "schlüssel".encode(), b"a\x7f"])
def test_an_idempotency_key_is_printable_ascii(org: Org, key: bytes) -> None:
    body = {"courseId": IDS["course_id"], "reason": "x", "folderIds": ["f"]}
    answer = org.client().post("/v1/assignments", json=body, headers=[(b"Idempotency-Key", key)])
    (error,) = refused(answer, 422)["errors"]
    assert error["pointer"] == "header:Idempotency-Key"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/v1/nothing", 404), ("GET", "/", 404), ("DELETE", "/v1/me", 405), ("TRACE", "/v1/jobs", 405)],
)
def test_an_address_that_is_none_is_a_problem_document_too(org: Org, method: str, path: str, status: int) -> None:
    refused(org.client().request(method, f"{path}?name={MARK}"), status)


def test_without_a_token_nothing_is_told_and_no_body_is_read(app: FastAPI, org: Org) -> None:
    client = TestClient(app, raise_server_exceptions=False)
    for operation in operations(app):
        body: dict[str, Any] = {} if operation.body is None else {"content": BODIES["broken"]}
        refused(operation.call(client, IDS, headers=JSON | {"Authorization": f"Bearer {MARK}"}, **body), 401)


def test_without_the_permission_no_body_is_read(org: Org) -> None:
    answer = org.client(Permission.VIEW).post("/v1/courses", content=BODIES["broken"], headers=JSON)
    assert refused(answer, 403)["type"] == "urn:rollcall:problem:permission-denied"
