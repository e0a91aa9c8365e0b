"""Routes of the API: a body is parsed strictly, and only from callers with permission.

orjson refuses NaN, Infinity and lone surrogates, which Python's own parser accepts. It limits nesting, and is faster.
"""

import json
import re
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from typing import Any

import orjson
from fastapi import APIRouter, Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from api.http.accepted import FILES, accepts_only_files
from api.http.dependencies import Allow, caller, parts
from api.http.deprecating import deprecation_of
from api.http.once import replay
from api.http.shares import HEAVY_BYTES
from shared.errors import Fault, InvalidInput, Problem
from shared.idempotency import Replayed
from shared.strictness import Form, form_of

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class UnsupportedMediaType(Problem):
    """The address does not accept a body of this media type."""

    slug, status, title = "unsupported-media-type", 415, "Unsupported media type"


class NotAcceptable(Problem):
    """The address is neither a list nor a transcript, so it cannot answer in CSV or XLSX."""

    slug, status, title = "not-acceptable", 406, "Not acceptable"


class StrictRequest(Request):
    """A request whose JSON is parsed strictly."""

    _parsed: Any = None

    async def json(self) -> Any:
        if self._parsed is None:
            try:
                self._parsed = orjson.loads(await self.body())
            except orjson.JSONDecodeError as error:
                raise json.JSONDecodeError(error.msg, "", error.pos) from None
        return self._parsed


class StrictRoute(APIRoute):
    """A route that parses its body strictly, and accepts JSON only with a JSON media type. Only a list answers in
    CSV or XLSX.

    A caller without permission is refused before the body is read, because parsing 8 MiB is expensive. The body is read
    before any dependency runs, so that a caller who sends slowly holds no transaction. Heavy bodies take turns. A query
    parameter or a body that the route does not take is refused too: `?asOf=2020-01-01` must not be answered as if it
    had been understood. So is a parameter in another form than that of its type. Routes outside the OpenAPI document
    take anything.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if deprecation_of(self.endpoint):
            self.deprecated = True
        if is_list(self):
            rows = {"schema": {"type": "string", "description": "Every row, with a header."}}
            described = {"content": dict.fromkeys(FILES, rows)}
            self.responses = {200: described, **self.responses}

    def get_route_handler(self) -> Handler:
        """Return what answers a request: FastAPI's handler with the checks before it."""
        return self.checked(super().get_route_handler())

    def checked(self, handle: Handler) -> Handler:
        """Return a handler with the checks of this class before it."""
        allows = [one.dependency for one in self.dependencies if isinstance(one.dependency, Allow)]
        gives_files = is_list(self) or bool(set(FILES) & self.responses.get(200, {}).get("content", {}).keys())
        taken = _query_forms(self.dependant)
        reads_body = self.body_field is not None or "requestBody" in (self.openapi_extra or {})

        async def answer(request: Request) -> Response:
            strict = request if isinstance(request, StrictRequest) else StrictRequest(request.scope, request.receive)
            for allow in allows:
                await allow(await caller(strict))
            if self.include_in_schema:
                _need_known(strict, taken)
                if not gives_files and accepts_only_files(strict):
                    raise NotAcceptable("Only lists are answered as CSV or XLSX; accept application/json here.")
            try:
                if "content-length" not in strict.headers and "transfer-encoding" not in strict.headers:
                    return await handle(strict)
                async with _body_read(strict, known=bool(allows)):
                    if self.include_in_schema and not reads_body:
                        await _need_no_body(strict)
                    if self.body_field is not None and not _is_json(strict) and await strict.body():
                        raise UnsupportedMediaType("Send the body as JSON, with `Content-Type: application/json`.")
                    return await handle(strict)
            except Replayed as replayed:
                made = replayed
            return await replay(strict, made)

        return answer


class Router(APIRouter):
    """The routes of a noun. Each parses its body strictly."""

    def __init__(self, prefix: str, tag: str) -> None:
        super().__init__(prefix=prefix, tags=[tag], route_class=StrictRoute)


def is_list(route: APIRoute) -> bool:
    """True if a route answers with `items`, as its description says."""
    return "GET" in (route.methods or ()) and "items" in getattr(route.response_model, "model_fields", {})


def _query_forms(dependant: Dependant) -> dict[str, Form]:
    """The query parameters that a route and its dependencies take, with their forms."""
    forms = {parameter.alias: form_of(parameter.field_info.annotation) for parameter in dependant.query_params}
    for one in dependant.dependencies:
        forms |= _query_forms(one)
    return forms


_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")


def _need_known(request: Request, taken: Mapping[str, Form]) -> None:
    """Raise InvalidInput for each query parameter that the route does not take, or not in this form.

    A name that no parameter could have is not repeated: it is the sender's text, and answers end up in logs.
    """
    unknown = [name for name in request.query_params if name not in taken]
    if unknown:
        takes = f"This address takes {', '.join(sorted(taken))}." if taken else "This address takes none."
        named = {f"?{name}" if _NAME.fullmatch(name) else "?": None for name in unknown[:100]}
        raise InvalidInput(*(Fault(name, f"There is no such parameter. {takes}") for name in named))
    found = ((name, taken[name].fault(request.query_params.getlist(name))) for name in request.query_params)
    if faults := [Fault(f"?{name}", fault) for name, fault in found if fault is not None]:
        raise InvalidInput(*faults)


async def _need_no_body(request: Request) -> None:
    """Raise InvalidInput for a body. An empty one and `{}` count as none."""
    if (await request.body()).strip() not in (b"", b"{}"):
        raise InvalidInput(Fault("", "This address takes no body."))


@asynccontextmanager
async def _body_read(request: Request, *, known: bool) -> AsyncIterator[None]:
    """Read the body for the block. A heavy one is first given a turn. known: the caller has a token."""
    length = request.headers.get("content-length", "0")
    size = HEAVY_BYTES + 1 if "transfer-encoding" in request.headers else int(length) if length.isdecimal() else 0
    if not known or not size:
        yield
    elif size <= HEAVY_BYTES:
        await request.body()
        yield
    else:
        heavy = (await parts(request)).shares.heavy
        async with heavy.reading((await caller(request)).org_id):
            await request.body()
            async with heavy.working():
                yield


def _is_json(request: Request) -> bool:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    return kind == "application/json" or (kind.startswith("application/") and kind.endswith("+json"))
