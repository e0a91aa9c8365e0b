"""The application with its layers, from the outside in: each passes the request on to the next.

FastAPI's own stack has three more, which do nothing here: for telemetry, for another limit of bodies, and for files.
"""

from typing import Any

from fastapi import FastAPI
from fastapi.middleware.asyncexitstack import AsyncExitStackMiddleware
from fastapi.routing import iter_route_contexts
from starlette.applications import Starlette
from starlette.middleware.errors import ServerErrorMiddleware
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from api.http.contract import complete
from api.http.dependencies import MAX_BODY_BYTES
from api.http.deprecating import Deprecations
from api.http.identifying import Identified
from api.http.limits import BodyLimit
from api.http.measuring import Measured
from api.http.methods import Methods
from api.http.table import Table


class Application(FastAPI):
    """FastAPI with Rollcall's layers around the table of its routes."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on. FastAPI would first ask if there is telemetry, which Rollcall has none of."""
        if scope["type"] == "http" and not self.root_path:
            await Starlette.__call__(self, scope, receive, send)
        else:
            await super().__call__(scope, receive, send)

    def openapi(self) -> dict[str, Any]:
        """Return the description of the API."""
        if self.openapi_schema is None:
            complete(super().openapi(), self.routes, self.state.parts.settings.public_url)
        assert self.openapi_schema is not None
        return self.openapi_schema

    def build_middleware_stack(self) -> ASGIApp:
        """Return all layers. FastAPI calls it at the first request, when every route is known."""
        assert not self.user_middleware, "layers are added here"
        handlers = dict(self.exception_handlers)
        unexpected = handlers.pop(Exception)
        app: ASGIApp = Table(iter_route_contexts(self.routes), AsyncExitStackMiddleware(self.router))
        app = ExceptionMiddleware(app, handlers)
        app = Methods(app, lambda: self.routes)
        app = BodyLimit(app, most=MAX_BODY_BYTES)
        app = Measured(app, self.state.metrics)
        app = ServerErrorMiddleware(app, unexpected)
        announced = Deprecations(app, iter_route_contexts(self.routes))
        return Identified(announced if announced.needed else app)
