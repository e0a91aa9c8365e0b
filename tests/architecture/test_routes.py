"""Every route declares its permission: that of the verb that it calls."""

import ast
import inspect
import textwrap
from collections.abc import Callable, Iterator
from typing import Any

from fastapi import Depends, FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import RouteContext, iter_route_contexts

from api.http.dependencies import Allow, allow
from shared.services import jobs
from shared.services.verbs import Verb
from tests.architecture.source import name_of

PUBLIC = {
    "/health/live",
    "/health/ready",
    "/metrics",
    "/openapi.json",
    "/",
    "/c/{token}",
    "/c/{token}/pdf",
    "/docs",
    "/docs/{name}",
    "/personas",
    "/problems",
    "/problems/{slug}",
    "/s/{token}",
    "/scim/v2/ServiceProviderConfig",
    "/sign-in",
    "/sign-in/callback",
    "/sign-in/done",
    "/sign-in/leave",
    "/sign-in/logout/{org_id}",
    "/sign-in/start",
    "/sign-out",
    "/v1/events/asyncapi.json",
    "/verify",
    "/verify/{code}",
    "/verify/{code}/status",
    "/static/{of_version}/{name}",
    "/.well-known/jwks.json",
    "/issuers/{org_id}",
}
"""The addresses that answer without a bearer token. Their answers contain no row of an organization, except:
- the page of a certificate link, whose address is signed and shows the certificate of one licence;
- the page of a session link, whose address is signed and shows one assignment;
- the page of a licence and the status of its credential, whose address has the code (64 random bits) and shows only
  what is printed beside it;
- the names and addresses of the issuers at which members of an organization sign in;
- the name of an organization that issues credentials, which every credential names too."""


def undeclared(app: FastAPI) -> set[str]:
    """The addresses of routes that declare no permission."""
    return {str(route.path) for route in iter_route_contexts(app.routes) if not _declared(route)}


def _declared(route: RouteContext) -> list[Allow]:
    dependant: Dependant | None = getattr(route, "dependant", None)
    return [] if dependant is None else [one.call for one in _flattened(dependant) if isinstance(one.call, Allow)]


def _flattened(dependant: Dependant) -> Iterator[Dependant]:
    for one in dependant.dependencies:
        yield one
        yield from _flattened(one)


def test_every_route_declares_who_may_call_it(app: FastAPI) -> None:
    assert undeclared(app) == PUBLIC


def test_a_route_that_declares_nothing_is_found() -> None:
    made_up = FastAPI(openapi_url=None)
    made_up.get("/declared", dependencies=[allow()])(lambda: None)
    made_up.get("/undeclared", dependencies=[Depends(lambda: None)])(lambda: None)
    assert undeclared(made_up) == {"/undeclared"}


WITHOUT_A_VERB = {"/v1/limits", "/assignments/act", "/licences/act"}
"""The addresses that call no verb, because their answer is the same for every signed-in member: limits, and a form."""


def test_every_other_route_declares_the_verb_it_calls(app: FastAPI) -> None:
    """So the permission that is checked before the body is read is that of the verb."""
    without, wrong = set(), set()
    for route in iter_route_contexts(app.routes):
        for declared in _declared(route):
            if declared.verb is None:
                without.add(str(route.path))
            elif declared.verb.name not in _called(route.endpoint) | _enclosed(route.endpoint):
                wrong.add(str(route.path))
    assert (without, wrong) == (WITHOUT_A_VERB, set())


def _called(endpoint: Callable[..., object] | None) -> set[str]:
    """The names in the body of a route's function. Its decorator does not count: there the verb is only declared."""
    assert endpoint is not None
    (function,) = ast.parse(textwrap.dedent(inspect.getsource(inspect.unwrap(endpoint)))).body
    assert isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
    inside = [node for part in (function.args, *function.body) for node in ast.walk(part)]
    return {name_of(node) for node in inside if isinstance(node, ast.Name | ast.Attribute)}


def _enclosed(endpoint: Callable[..., object] | None) -> set[str]:
    """The verbs in the rows of a table from which a route's function was made."""
    function: Any = inspect.unwrap(endpoint) if endpoint else None
    rows = [cell.cell_contents for cell in function.__closure__ or ()]
    return {one.name for row in rows if isinstance(row, tuple) for one in row if isinstance(one, Verb)}


def test_a_route_that_declares_another_verb_than_it_calls_is_found() -> None:
    def route() -> None:
        jobs.list_jobs  # noqa: B018

    assert _called(route) == {"jobs", "list_jobs"}
    assert jobs.retry_job.name not in _called(route)
