"""The public HTTP API as the commands use it: like any other client, with a token."""

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
from shared import access
from shared.access import Permission

MEMBER = "cli"
"""Who acts, in a token that a command signs itself."""

SHOWN_ERRORS = 3

PERMISSIONS = (Permission.VIEW, Permission.ASSIGN, Permission.MANAGE_ASSIGNMENTS)


@dataclass(frozen=True)
class Way:
    """How a command was told to reach the API, so that the next command can be told the same."""

    org: str | None
    token: str | None
    api: str | None
    data_dir: Path | None

    def __str__(self) -> str:
        """The options again. A token is left out of what is printed; whoever brought it has it."""
        given = {"--org": self.org, "--token": self.token and "TOKEN", "--api": self.api, "--data-dir": self.data_dir}
        return " ".join(f"{name} {shlex.quote(str(value))}" for name, value in given.items() if value)


class FrontDesk:
    """The API at one address, called with one token. In force inside its `with` block; every method raises Failed."""

    def __init__(self, url: str, token: str) -> None:
        self._url = url
        self._client = httpx2.Client(
            base_url=url,
            headers={"Authorization": f"Bearer {token}"},
            timeout=30,
            transport=httpx2.HTTPTransport(retries=3),  # of connecting: an API that restarts is away for a moment
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def get(self, path: str, **parameters: Any) -> Any:
        """What is at an address. Parameters that are None are left out."""
        return self._call("GET", path, params={name: value for name, value in parameters.items() if value is not None})

    def post(self, path: str, body: object = None, headers: Mapping[str, str] | None = None) -> Any:
        """What a request is answered."""
        return self._call("POST", path, json=body, headers=headers)

    def put(self, path: str, body: object) -> Any:
        """What a request is answered."""
        return self._call("PUT", path, json=body)

    def csv(self, path: str, **parameters: Any) -> Iterator[str]:
        """Every row at an address as CSV, in pieces as they come."""
        asked = {name: value for name, value in parameters.items() if value is not None}
        with self._failing(), self._client.stream("GET", path, params=asked, headers={"Accept": "text/csv"}) as answer:
            if not answer.is_success:
                answer.read()
                raise Failed(_sentence(answer))
            yield from answer.iter_text()

    def _call(self, method: str, path: str, **rest: Any) -> Any:
        with self._failing():
            answer = self._client.request(method, path, **rest)
        if not answer.is_success:
            raise Failed(_sentence(answer))
        return answer.json()

    @contextmanager
    def _failing(self) -> Iterator[None]:
        try:
            yield
        except httpx2.TransportError as error:
            raise Failed(
                f"The API at {self._url} does not answer ({type(error).__name__}); `rollcall up` or `rollcall api` "
                "starts it, and --api says where else it is."
            ) from None


def reach(way: Way) -> FrontDesk:
    """The front desk, with the token given or one that the system signs. Raises Failed, NoSystem, BadSettings."""
    if way.token and way.api:
        return FrontDesk(way.api, way.token)
    found = system.find(way.data_dir)
    if way.token is None and way.org is None:
        raise Failed("Say for which organization with --org, or with whose --token.")
    token = way.token or access.issue(
        found.settings, org_id=str(way.org), member_id=MEMBER, permissions=PERMISSIONS, ttl_seconds=24 * 3600
    )
    return FrontDesk(way.api or found.api_url, token)


def _sentence(answer: httpx2.Response) -> str:
    """What the API says is wrong, with the first places where."""
    if answer.headers.get("content-type") != "application/problem+json":
        return f"What answers at {answer.url} is not Rollcall's API: {answer.status_code} {answer.reason_phrase}."
    problem = answer.json()
    errors = problem.get("errors", [])
    places = "; ".join(f"{error['pointer']}: {error['detail']}" for error in errors[:SHOWN_ERRORS])
    return places + (" ..." if len(errors) > SHOWN_ERRORS else "") if errors else str(problem["detail"])
