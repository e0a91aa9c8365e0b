"""The HTTP client of the commands: they call the public API with a token, like any other client."""

import shlex
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx2

from cli import system
from cli.failures import Failed
from rollcall_client import ApiError, Client, Unreachable, exchange
from rollcall_client.exchange import Sent
from shared import access
from shared.access import Permission

MEMBER = "cli"
"""The member id in a token that a command signs itself; events name it as the actor."""

SHOWN_ERRORS = 3

PERMISSIONS = (Permission.VIEW, Permission.ASSIGN, Permission.MANAGE_ASSIGNMENTS)


@dataclass(frozen=True)
class Target:
    """The options that say which API to call and for whom, so that a suggested next command can repeat them."""

    org: str | None
    token: str | None
    api: str | None
    data_dir: Path | None

    def __str__(self) -> str:
        """The options as a user types them. A token is printed as `TOKEN`, because output ends up in logs."""
        given = {"--org": self.org, "--token": self.token and "TOKEN", "--api": self.api, "--data-dir": self.data_dir}
        return " ".join(f"{name} {shlex.quote(str(value))}" for name, value in given.items() if value)


class ApiClient:
    """The API at one address, called with one token. Use it in a `with` block; every method raises Failed."""

    def __init__(self, url: str, token: str) -> None:
        self._url = url
        # of the connection only: an API that restarts is away briefly
        http = httpx2.Client(base_url=url, timeout=30, transport=httpx2.HTTPTransport(retries=3))
        self._client = Client(url, token, http=http)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.http.close()

    def get(self, path: str, **parameters: Any) -> Any:
        """Send a GET and return the JSON of the response. Parameters that are None are left out."""
        return self._call("GET", path, params={name: value for name, value in parameters.items() if value is not None})

    def post(self, path: str, body: object = None, headers: Mapping[str, str] | None = None) -> Any:
        """Send a POST and return the JSON of the response."""
        return self._call("POST", path, json=body, headers=headers)

    def put(self, path: str, body: object) -> Any:
        """Send a PUT and return the JSON of the response."""
        return self._call("PUT", path, json=body)

    def csv(self, path: str, **parameters: Any) -> Iterator[str]:
        """Yield the CSV of a list in pieces, as they arrive. Parameters that are None are left out."""
        given = {name: value for name, value in parameters.items() if value is not None}
        headers = {"Accept": "text/csv"}
        with self._failing(), self._client.http.stream("GET", path, params=given, headers=headers) as response:
            if not response.is_success:
                response.read()
                exchange.answer(response)
            yield from response.iter_text()

    def _call(self, method: str, path: str, **rest: Any) -> Any:
        query, headers = rest.get("params") or {}, dict(rest.get("headers") or {})
        with self._failing():
            return self._client.send(Sent(method, path, query, rest.get("json"), headers))

    @contextmanager
    def _failing(self) -> Iterator[None]:
        """Turn a failed connection and a refusal into Failed."""
        try:
            yield
        except ApiError as error:
            raise Failed(_sentence(error)) from None
        except (Unreachable, httpx2.TransportError) as error:
            name = str(error) if isinstance(error, Unreachable) else type(error).__name__
            raise Failed(
                f"The API at {self._url} does not answer ({name}). Start it with `rollcall up` or "
                "`rollcall api`, or name its address with --api."
            ) from None


def connect(target: Target) -> ApiClient:
    """Return a client with the given token, or with a token that it signs. Raises Failed, NoSystem, BadSettings."""
    if target.token and target.api:
        return ApiClient(target.api, target.token)
    found = system.find(target.data_dir)
    if target.token is None and target.org is None:
        raise Failed("Name the organization with --org, or give a token with --token.")
    token = target.token or access.issue(
        found.settings, org_id=str(target.org), member_id=MEMBER, permissions=PERMISSIONS, ttl_seconds=24 * 3600
    )
    return ApiClient(target.api or found.api_url, token)


def _sentence(error: ApiError) -> str:
    """The API's own explanation of an error, with the first few places in the request that are wrong."""
    if not error.problem:
        return f"{error} Check the address given with --api."
    errors = error.problem.get("errors", [])
    places = "; ".join(f"{each['pointer']}: {each['detail']}" for each in errors[:SHOWN_ERRORS])
    return places + (" ..." if len(errors) > SHOWN_ERRORS else "") if errors else str(error.problem["detail"])
