"""The front desk: puts routes, limits and error answers together. It checks, accepts and answers; rules live in shared."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import orjson
from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.routing import APIRoute
from starlette.responses import Response

from api import problems
from api.dependencies import training_available
from api.service import Service, build
from shared import settings as settings_module
from shared.access import FeatureNotAvailable, Unavailability
from shared.settings import TRAINING

MAX_BODY_BYTES = 8 * 1024 * 1024


def create_app(service: Service | None = None) -> FastAPI:
    """The application, with the parts given or built from the environment."""
    made = service or build(settings_module.current())

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        made.database.close()

    app = FastAPI(title="Rollcall", version="0.1.0", lifespan=lifespan, max_body_size=MAX_BODY_BYTES)
    app.state.service = made
    problems.install(app)
    return app
