"""The API application: all doors, with limits and measuring. The rules of the product are in `shared`."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version

from fastapi import Depends, FastAPI, Request, Response
from starlette.exceptions import HTTPException

from api import console, scim, v1
from api.http import documents, health, measuring, presence
from api.http.dependencies import CurrentCaller, training_available
from api.http.parts import Parts, build
from api.http.routing import Router
from api.http.stack import Application
from api.http.waiting import training_available_to_many
from shared import settings
from shared.access import FeatureNotAvailable, Unavailability
from shared.settings import TRAINING


def create_app(parts: Parts | None = None) -> FastAPI:
    """Return the application. parts: by default built from the environment."""
    made = parts or build(settings.current())

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await presence.begin(made)
        yield
        await presence.end(made)
        made.database.close()

    app = Application(
        title="Rollcall",
        version=version("rollcall"),
        description="Assigns training to thousands of parties, records who completed what, and grants their licences.",
        lifespan=lifespan,
        docs_url=None,  # the reference has a page of its own that needs no other server
        redoc_url=None,
        redirect_slashes=False,  # it would redirect to whatever address the Host header names
    )
    app.state.parts = made
    documents.install(app)
    app.add_exception_handler(HTTPException, _answer_unknown)
    measuring.measure(app, made)
    _mount(app, deployed=TRAINING in made.settings.features)
    return app


async def _answer_unknown(request: Request, error: Exception) -> Response:
    """Answer an address or a method that there is not, in the form of the door that it belongs to."""
    if request.url.path.startswith(scim.PREFIX):
        return await scim.answer_unknown(request, error)
    return await console.answer_unknown(request, error)


def _mount(app: FastAPI, *, deployed: bool) -> None:
    """Mount the routes of all doors. deployed: True if training is part of this deployment."""
    first = v1.FIRST if deployed else ()
    for router in (*first, health.router, *console.PUBLIC, *console.CORE, *v1.PUBLIC, *v1.CORE, scim.router):
        app.include_router(router)
    for router in (*v1.WAITS, *v1.TRAINING, *console.TRAINING):
        if deployed:
            check = training_available_to_many if router in v1.WAITS else training_available
            app.include_router(router, dependencies=[Depends(check, scope="function")])
        else:
            app.include_router(_not_deployed(router.prefix))
    for router in console.PAGES if deployed else console.WITHOUT_TRAINING:
        app.include_router(router, dependencies=[Depends(training_available, scope="function")])


def _not_deployed(prefix: str) -> Router:
    """The routes for training's addresses in a deployment without it. Each answers `feature-not-available`."""
    router = Router(prefix, "training")

    def answer(_: CurrentCaller) -> None:
        raise FeatureNotAvailable(Unavailability.NOT_DEPLOYED)

    for path in ("", "/{rest:path}"):
        router.add_api_route(path, answer, methods=["GET", "POST", "PUT", "PATCH", "DELETE"], include_in_schema=False)
    return router
