"""How a route that only reads is answered: on the event loop, by a plan that is made once.

FastAPI declares these routes and describes them in OpenAPI, and its functions read their parameters. But for each
request it finds out again what every dependency takes, calls each sync one in a thread, and passes through twice as
many layers as needed: for an answer of constants, four fifths of the time of the request. So a plan lists the
dependencies of a route in the order in which FastAPI calls them, with what each takes. Every function of a plan runs
on the event loop: an `async` one as usual, a sync one in `on_loop`, where its session waits without a thread.

Routes with a body, or that stream, go FastAPI's way: parsing or sending costs more there than this. Tried and dropped:
the same routes written as bare Starlette routes, which loses their description and the checks of their parameters.
"""

import inspect
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from fastapi import BackgroundTasks, Request, Response
from fastapi._compat import field_annotation_is_sequence
from fastapi.datastructures import DefaultPlaceholder
from fastapi.dependencies.models import Dependant
from fastapi.dependencies.utils import request_params_to_args
from fastapi.exceptions import RequestValidationError, ResponseValidationError
from fastapi.routing import APIRoute, RouteContext
from starlette.datastructures import QueryParams
from starlette.types import Receive, Scope, Send

from api.http.dependencies import OF_REQUEST, READS, Allow
from api.http.routing import StrictRequest, StrictRoute
from shared.reading import on_loop


def can_be_planned(route: RouteContext) -> bool:
    """True for a route that only reads, has no body and sends its answer at once.

    A route of another class than `StrictRoute` may need threads, so it is planned only if it is `async` altogether.
    """
    known = isinstance(route.original_route, StrictRoute)
    return (
        (known or (type(route.original_route) is APIRoute and _is_async(route.dependant)))
        and route.methods == {"GET"}
        and route.body_field is None
        and isinstance(route.response_class, DefaultPlaceholder)
        and not inspect.isasyncgenfunction(route.endpoint)
    )


def _is_async(dependant: Dependant) -> bool:
    return inspect.iscoroutinefunction(dependant.call) and all(map(_is_async, dependant.dependencies))


@dataclass
class _Step:
    """A function to call. takes: the names of its arguments, with the numbers of the earlier steps that return them."""

    call: Callable[..., Any]
    takes: list[tuple[str, int]] = field(default_factory=list)
    path: Sequence[Any] = ()
    query: Sequence[Any] = ()
    headers: Sequence[Any] = ()
    request: str | None = None
    response: str | None = None
    background: str | None = None
    is_async: bool = True
    is_generator: bool = False
    until_sent: bool = False
    """Of a generator: it ends after the answer was sent, not before."""
    unsent: dict[str, Any] = field(default_factory=dict)
    """The values of the query's parameters that are not sent."""
    missing: dict[str, Any] = field(default_factory=dict)
    """The errors of those that must be sent, by their names."""


class Plan:
    """The plan of one route, as an ASGI application."""

    def __init__(self, route: RouteContext) -> None:
        self._steps: list[_Step] = []
        self._known: dict[tuple[Any, str | None], int] = {}
        self._add(route.dependant)
        self._endpoint = self._steps.pop()
        self._answers, self._status = route.response_field, route.status_code
        self._uses_response = any(one.response for one in [*self._steps, self._endpoint])
        original = route.original_route
        self._handle = original.checked(self._solved) if isinstance(original, StrictRoute) else self._solved

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = StrictRequest(scope, receive)
        async with AsyncExitStack() as until_sent:
            scope.update({READS: True, OF_REQUEST: until_sent})
            response = await self._handle(request)
            await response(scope, receive, send)

    def _add(self, dependant: Dependant) -> int:
        """Add a function after everything that it depends on. Returns the number of its step."""
        key = (dependant.call, dependant.scope)
        if dependant.use_cache and key in self._known:
            return self._known[key]
        call = dependant.call
        assert call is not None
        assert not dependant.cookie_params
        wanted = [one for one in dependant.dependencies if not isinstance(one.call, Allow)]  # `checked` has called it
        takes = [(one.name, self._add(one)) for one in wanted]
        is_generator = inspect.isasyncgenfunction(call)
        assert not any(field_annotation_is_sequence(one.field_info.annotation) for one in dependant.query_params)
        unsent, missing = request_params_to_args(dependant.query_params, QueryParams(""))
        self._steps.append(
            _Step(
                call=asynccontextmanager(call) if is_generator else call,
                takes=[(name, number) for name, number in takes if name is not None],
                path=dependant.path_params,
                query=dependant.query_params,
                headers=dependant.header_params,
                request=dependant.request_param_name,
                response=dependant.response_param_name,
                background=dependant.background_tasks_param_name,
                is_async=inspect.iscoroutinefunction(call),
                is_generator=is_generator,
                until_sent=dependant.scope != "function",
                unsent=unsent,
                missing={error["loc"][1]: error for error in missing},
            )
        )
        self._known[key] = len(self._steps) - 1
        return self._known[key]

    async def _solved(self, request: Request) -> Response:
        """Call every step, and return the answer. Raises RequestValidationError for wrong parameters."""
        response, background, errors = Response() if self._uses_response else None, BackgroundTasks(), list[Any]()
        found: list[Any] = []
        async with AsyncExitStack() as stack:
            for step in self._steps:
                arguments = self._arguments(step, found, request, response, background, errors)
                if arguments is None:
                    found.append(_WRONG)
                elif step.is_generator:
                    until = request.scope[OF_REQUEST] if step.until_sent else stack
                    found.append(await until.enter_async_context(step.call(**arguments)))
                else:
                    found.append(await _called(step, arguments))
            arguments = self._arguments(self._endpoint, found, request, response, background, errors)
            if arguments is None:
                raise RequestValidationError(errors)
            answer = await _called(self._endpoint, arguments)
            if not isinstance(answer, Response):
                answer = self._written(answer, response)
            if background.tasks and answer.background is None:
                answer.background = background
            return answer

    @staticmethod
    def _arguments(
        step: _Step,
        found: list[Any],
        request: Request,
        response: Response | None,
        background: BackgroundTasks,
        errors: list[Any],
    ) -> dict[str, Any] | None:
        """Return the arguments of a step. None if one is wrong: then the error is added, once."""
        arguments = {name: found[number] for name, number in step.takes}
        wrong = any(value is _WRONG for value in arguments.values())
        if step.path:
            wrong |= _take(arguments, errors, request_params_to_args(step.path, request.path_params))
        if step.query:
            wrong |= _take(arguments, errors, _queried(step, request.query_params))
        if step.headers:
            wrong |= _take(arguments, errors, request_params_to_args(step.headers, request.headers))
        if step.request:
            arguments[step.request] = request
        if step.response:
            arguments[step.response] = response
        if step.background:
            arguments[step.background] = background
        return None if wrong else arguments

    def _written(self, answer: Any, given: Response | None) -> Response:
        """Return the answer as JSON, with the headers and the status that the route has set."""
        value, errors = self._answers.validate(answer, {}, loc=("response",))
        if errors:
            raise ResponseValidationError(errors=errors, body=answer)
        body = self._answers.serialize_json(value)
        response = Response(body, self._status or 200, media_type="application/json")
        if given is not None:
            response.raw_headers.extend(pair for pair in given.raw_headers if pair[0] != b"content-length")
        return response


_WRONG = object()
"""Stands for the value of a step that was not called, because a parameter is wrong."""


async def _called(step: _Step, arguments: dict[str, Any]) -> Any:
    return await (step.call(**arguments) if step.is_async else on_loop(step.call, **arguments))


def _queried(step: _Step, query: QueryParams) -> tuple[dict[str, Any], list[Any]]:
    """Return the values of a step's parameters and the errors in them, as FastAPI does, for one value of each name.

    FastAPI looks at the type of every parameter in every request, also of those that are not sent.
    """
    values, errors = dict(step.unsent), list[Any]()
    for one in step.query:
        if one.alias in query:
            values[one.name], wrong = one.validate(query[one.alias], values, loc=("query", one.alias))
            errors += wrong
        elif one.alias in step.missing:
            errors.append(step.missing[one.alias])
    return values, errors


def _take(arguments: dict[str, Any], errors: list[Any], found: tuple[dict[str, Any], list[Any]]) -> bool:
    arguments |= found[0]
    errors += found[1]
    return bool(found[1])
