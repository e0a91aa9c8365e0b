"""The front desk: routes, limits and error answers together. It checks, accepts and answers; rules are in shared."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import Depends, FastAPI

from api import (
    assignment_changes,
    assignments,
    audit,
    catalogue,
    credentials,
    deliveries,
    directory,
    events,
    forecast,
    jobs,
    licence_checks,
    licences,
    me,
    operations,
    organizations,
    problems,
    public,
    rosters,
    session_links,
    session_tasks,
    sessions,
    sweeps,
    verify,
    webhooks,
)
from api.dependencies import MAX_BODY_BYTES, CurrentCaller, training_available
from api.limits import BodyLimit
from api.routing import Router
from api.service import Service, build
from shared import settings
from shared.access import FeatureNotAvailable, Unavailability
from shared.settings import TRAINING

PUBLIC = (public.router, verify.router, credentials.public)
CORE = (organizations.router, directory.router, events.router, audit.router)
TRAINING_ROUTERS = (
    catalogue.router,
    assignments.router,
    assignment_changes.router,
    session_links.router,
    session_tasks.router,
    me.router,
    sessions.router,
    rosters.router,
    jobs.router,
    webhooks.router,
    deliveries.router,
    credentials.router,
    licences.router,
    forecast.router,
    sweeps.router,
)


def create_app(service: Service | None = None) -> FastAPI:
    """The application, with the parts given or built from the environment."""
    made = service or build(settings.current())

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        made.database.close()

    app = FastAPI(
        title="Rollcall",
        version="0.1.0",
        description="Assigns training to thousands of parties, records who completed what, and grants their licences.",
        lifespan=lifespan,
    )
    app.state.service = made
    problems.install(app)
    app.add_middleware(BodyLimit, most=MAX_BODY_BYTES)
    operations.measure(app)
    if TRAINING in made.settings.features:
        app.include_router(licence_checks.router)  # first: gates ask it all day, and routers are tried in their order
    app.include_router(operations.router)
    for router in PUBLIC:
        app.include_router(router)  # with or without training: they say themselves what is not available
    for router in CORE:
        app.include_router(router)
    for router in TRAINING_ROUTERS:
        if TRAINING in made.settings.features:
            app.include_router(router, dependencies=[Depends(training_available, scope="function")])
        else:
            app.include_router(_not_deployed(router.prefix))
    return app


def _not_deployed(prefix: str) -> Router:
    """What answers for training's addresses in a deployment without it."""
    router = Router(prefix, "training")

    def answer(_: CurrentCaller) -> None:
        raise FeatureNotAvailable(Unavailability.NOT_DEPLOYED)

    for path in ("", "/{rest:path}"):
        router.add_api_route(path, answer, methods=["GET", "POST", "PUT", "PATCH", "DELETE"], include_in_schema=False)
    return router
