"""`Idempotency-Key`: a route that makes something declares `ONCE`, and its repetition is answered with what was made.

The route sets `Location` to the address of what it makes. A repetition is answered as `GET` of that address is answered
now, so that it shows no secret and obeys the caller's permissions and scope. What has no address is kept as an answer.
"""

import hashlib
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Annotated, Any

from anyio.to_thread import run_sync
from fastapi import Depends, Header, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.types import Message

from api.http.dependencies import Db, Now
from shared import idempotency
from shared.idempotency import Key, Making, Replayed

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        pattern=r"^[\x20-\x7e]+$",
        description="A repeated request with the same key and body makes nothing anew, and returns what was made.",
    ),
]

HEADER = "Idempotent-Replayed"

JSON = "application/json"

_OF_THE_BODY = (b"content-length", b"content-type", b"transfer-encoding", b"accept", b"if-match", b"idempotency-key")
"""Headers of a repeated request that its answer does not depend on."""


_OF_THE_CONNECTION = frozenset(
    {"type", "asgi", "http_version", "scheme", "root_path", "client", "server", "app", "state", "extensions"}
    | {"starlette.exception_handlers", "fastapi_middleware_astack"}
)
"""The parts of a request's scope that do not depend on its route."""


async def request_key(request: Request, value: IdempotencyKey = None) -> Key | None:
    """Return the key of the request, if it has one."""
    if value is None:
        return None
    body, address = await request.body(), request.url.path
    if request.url.query:
        address += f"?{request.url.query}"
    form = request.headers.get("content-type", JSON).partition(";")[0].strip().lower()
    if form == JSON or not body.strip():
        return idempotency.key_of(value, address, await request.json() if body.strip() else {})
    return idempotency.key_of(value, address, {form: hashlib.sha256(body).hexdigest()})


RequestKey = Annotated[Key | None, Depends(request_key)]
"""For a route whose verb opens its own transaction: the verb makes it once."""


async def making(response: Response, db: Db, now: Now, key: RequestKey) -> AsyncIterator[Making]:
    """Make something once for the key of the request. Raises Replayed, IdempotencyKeyReused."""
    made = Making()
    if key is None:
        yield made
        return
    await run_sync(idempotency.need_free, db, key, now)
    yield made
    made.location = response.headers.get("Location")
    await run_sync(idempotency.keep, db, key, made)


async def making_job(response: Response, db: Db, now: Now, key: RequestKey) -> AsyncIterator[Key | None]:
    """Submit a job once for the key of the request. The verb itself returns the job of an earlier request."""
    if key is None:
        yield None
        return
    used = await run_sync(idempotency.claim, db, key, now)
    yield replace(key, made=None if used is None else used.location)
    if used is None:
        await run_sync(idempotency.keep, db, key, Making(response.headers.get("Location")))


ONCE = Depends(making, scope="function")
Once = Annotated[Making, ONCE]
"""For a route that makes something without an address of its own: it sets `answer`, without secrets."""

JobKey = Annotated[Key | None, Depends(making_job, scope="function")]


def again(model: Any) -> dict[int | str, dict[str, Any]]:
    """Return the description of the answer to a repeated request, for a route whose first answer is not 200."""
    return {200: {"model": model, "description": f"A repeated request: what was made, as it is now, with `{HEADER}`."}}


def without(answer: BaseModel, *secrets: str) -> dict[str, Any]:
    """Return an answer to keep, in which these fields are null."""
    kept: dict[str, Any] = answer.model_dump(mode="json") | dict.fromkeys(secrets)
    return kept


async def replay(request: Request, replayed: Replayed) -> Response:
    """Answer a repeated request: with what it made, as it is now, and 200."""
    if replayed.location is None:
        return JSONResponse(replayed.answer, headers={HEADER: "true"})
    answer = await own_answer(request, replayed.location)
    if answer.status_code == 200:
        answer.headers[HEADER] = "true"
        answer.headers["Location"] = replayed.location
    return answer


async def own_answer(request: Request, address: str, method: str = "GET") -> Response:
    """Return the application's own answer to a request without a body, for the caller of this request."""
    scope = {name: value for name, value in request.scope.items() if name in _OF_THE_CONNECTION}
    headers = [(name, value) for name, value in request.scope["headers"] if name not in _OF_THE_BODY]
    path, _, query = address.partition("?")
    scope |= {"method": method, "path": path, "raw_path": path.encode(), "query_string": query.encode()}
    scope["headers"] = headers
    answer, parts = Response(), list[bytes]()

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            answer.status_code, answer.raw_headers = message["status"], list(message["headers"])
        else:
            parts.append(message.get("body", b""))

    await request.app.router(scope, receive, send)
    answer.body = b"".join(parts)
    return answer
