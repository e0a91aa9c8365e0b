"""Routes of the API: a body is parsed strictly, and only from callers with permission.

orjson refuses NaN, Infinity and lone surrogates, which Python's own parser accepts. It limits nesting, and is faster.
"""

import json
from collections.abc import Callable, Coroutine
from typing import Any

import orjson
from fastapi import APIRouter, Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from api.http.accepted import CSV, wanted
from api.http.dependencies import Allow, caller
from shared.errors import Problem


class UnsupportedMediaType(Problem):
    """The address does not accept a body of this media type."""

    slug, status, title = "unsupported-media-type", 415, "Unsupported media type"


class NotAcceptable(Problem):
    """The address is no list, so it cannot answer in CSV."""

    slug, status, title = "not-acceptable", 406, "Not acceptable"


class _StrictRequest(Request):
    async def json(self) -> Any:
        body = await self.body()
        try:
            return orjson.loads(body)
        except orjson.JSONDecodeError as error:
            raise json.JSONDecodeError(error.msg, "", error.pos) from None


class StrictRoute(APIRoute):
    """A route that parses its body strictly, and accepts JSON only with a JSON media type. Only a list answers in CSV.

    A caller without permission is refused before the body is read, because parsing 8 MiB is expensive.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()
        allows = [one.dependency for one in self.dependencies if isinstance(one.dependency, Allow)]
        is_list = _pages(self.dependant)

        async def answer(request: Request) -> Response:
            strict = _StrictRequest(request.scope, request.receive)  # one object: a body can be received only once
            for allow in allows:
                await allow(await caller(strict))
            if not is_list and wanted(strict).keys() == {CSV}:
                raise NotAcceptable("Only lists are answered as CSV; accept application/json here.")
            if self.body_field is not None and not _is_json(strict) and await strict.body():
                raise UnsupportedMediaType("Send the body as JSON, with `Content-Type: application/json`.")
            return await handle(strict)

        return answer


class Router(APIRouter):
    """The routes of a noun. Each parses its body strictly."""

    def __init__(self, prefix: str, tag: str) -> None:
        super().__init__(prefix=prefix, tags=[tag], route_class=StrictRoute)


def _pages(dependant: Dependant) -> bool:
    """True if a route takes a cursor, as lists do, itself or in one of its dependencies."""
    return any(one.name == "cursor" for one in dependant.query_params) or any(map(_pages, dependant.dependencies))


def _is_json(request: Request) -> bool:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    return kind == "application/json" or (kind.startswith("application/") and kind.endswith("+json"))
