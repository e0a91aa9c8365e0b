"""The addresses of SCIM. Each checks the caller, hands the request to scim2-server, and answers.

They are in no OpenAPI document: SCIM describes itself at `/Schemas`, `/ResourceTypes` and `/ServiceProviderConfig`.
They are answered in threads, reads too, because a page of resources takes longer to write than to read.
"""

from functools import partial
from typing import Annotated

import orjson
from fastapi import APIRouter, Depends, Request, Response
from scim2_models import SCIMException
from scim2_server.requests import ScimRequest
from scim2_server.responses import SCIM_MEDIA_TYPE, ScimResponse
from starlette.requests import Request as AnyRequest

from api.http.dependencies import CurrentCaller, CurrentParts, Now, Turn, allow
from api.http.problems import headers_of, problem_of
from api.http.routing import Handler as Answering
from api.http.routing import StrictRoute
from api.scim.models import PROVIDER
from api.scim.serving import Handler, Service, error_from
from api.scim.storage import Storage
from shared.services import scim

PREFIX = "/scim/v2"

SERVICE = Service(PROVIDER)

FARTHEST = 2**53 - 1
"""The largest place in a list that an answer names: the largest integer of JSON in most languages."""

ADDRESSES = {
    "": ["GET"],
    "/": ["GET"],
    "/.search": ["POST"],
    "/Users": ["GET", "POST"],
    "/Users/.search": ["POST"],
    "/Users/{resource_id}": ["GET", "PUT", "PATCH", "DELETE"],
    "/Groups": ["GET", "POST"],
    "/Groups/.search": ["POST"],
    "/Groups/{resource_id}": ["GET", "PUT", "PATCH", "DELETE"],
    "/Me": ["GET", "PUT", "PATCH", "DELETE", "POST"],
    "/Bulk": ["POST"],
    "/Schemas": ["GET"],
    "/Schemas/{resource_id}": ["GET"],
    "/ResourceTypes": ["GET"],
    "/ResourceTypes/{resource_id}": ["GET"],
}
"""The methods of each address that needs a token."""


class ScimRoute(StrictRoute):
    """A route of SCIM. Every error is answered in SCIM's form."""

    def get_route_handler(self) -> Answering:
        """Return what answers a request."""
        answer = super().get_route_handler()

        async def answered(request: Request) -> Response:
            try:
                return await answer(request)
            except Exception as error:
                return refused(error, self.path)

        return answered


router = APIRouter(prefix=PREFIX, tags=["scim"], route_class=ScimRoute)


async def raw_body(request: Request) -> bytes:
    """Return the unparsed body."""
    return await request.body()


def serve(
    request: Request,
    body: Annotated[bytes, Depends(raw_body)],
    caller: CurrentCaller,
    made: CurrentParts,
    now: Now,
    _: Annotated[None, Turn],
) -> Response:
    """Answer one request of a SCIM client."""
    opened = partial(scim.open_directory, caller=caller, id_from=made.settings.scim_id, now=now)
    storage = Storage(partial(made.database.transaction, caller.org_id), opened, writing=request.method != "GET")
    return _sent(Handler(SERVICE, storage).handle(_asked(request, made.settings.public_url, body, caller)))


def describe(request: Request, made: CurrentParts) -> Response:
    """Answer with what this service supports. It needs no token (RFC 7644, 4)."""
    asked = _asked(request, made.settings.public_url, b"", None)
    return _sent(SERVICE.service_provider_config(asked.url, asked.query))


for _path, _methods in ADDRESSES.items():
    for _method in _methods:
        router.add_api_route(
            _path,
            serve,
            methods=[_method],
            dependencies=[allow(scim.open_directory)],
            include_in_schema=False,
            response_class=Response,  # not the default one, so that no plan answers it on the event loop
        )
router.add_api_route(
    "/ServiceProviderConfig", describe, methods=["GET"], include_in_schema=False, response_class=Response
)


def refused(error: Exception, path: str | None) -> Response:
    """Return the answer to an error in SCIM's form. path: the pattern of the address."""
    if isinstance(error, SCIMException):
        return _sent(SERVICE.error_response(error))
    problem = problem_of(error, path)
    found = error_from(problem)
    return _sent(ScimResponse(found.status, found.model_dump(), headers_of(problem)))  # type: ignore[arg-type]


async def answer_unknown(_: AnyRequest, error: Exception) -> Response:
    """Answer an address or a method of SCIM that there is not."""
    return refused(error, None)


def _asked(request: Request, public_url: str, body: bytes, caller: object) -> ScimRequest:
    return ScimRequest(
        method=request.method,
        base_url=f"{public_url}{PREFIX}",
        path=request.url.path.removeprefix(PREFIX) or "/",
        query=dict(request.query_params),
        headers=request.headers.items(),
        body=body,
        subject=caller,
    )


def _sent(answer: ScimResponse) -> Response:
    body = answer.body
    if isinstance(body, dict) and "startIndex" in body:  # as it was asked for; orjson writes no longer number
        body = {**body, "startIndex": min(body["startIndex"], FARTHEST)}
    content = b"" if body is None else orjson.dumps(body)
    headers = {name: value for name, value in answer.headers.items() if name != "Content-Type"}
    return Response(content, int(answer.status), headers, media_type=SCIM_MEDIA_TYPE if content else None)
