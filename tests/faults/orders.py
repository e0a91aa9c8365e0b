"""The organization and the requests of these tests: a new course for all parties of a crew, or for some of them."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from api.app import create_app
from api.http.parts import build
from shared import logs, settings
from shared.access import Permission
from tests.factories import Org, add_org

CREW = "whole-crew"
CREW_SIZE = 20_000


@contextmanager
def new_org(environment: Mapping[str, str]) -> Iterator[Org]:
    """Yields a new organization in the system that the settings name, with an API in the tests' own process."""
    logs.configure("json", "info")
    parts = build(settings.read(environment))
    try:
        yield add_org(create_app(parts), parts)
    finally:
        parts.database.close()


def add_crew(org: Org) -> None:
    """Add 20,000 parties to the folder that `submit` assigns to."""
    ids = crew_members(CREW_SIZE)
    for first in range(0, CREW_SIZE, 10_000):
        org.with_parties(*ids[first : first + 10_000], folder=CREW)


def order(course_id: str, party_ids: list[str] | None = None) -> dict[str, Any]:
    """Returns the body of a submission for these parties, or for the whole crew."""
    to: dict[str, Any] = {"folderIds": [CREW]}
    if party_ids is not None:
        to = {"recipients": [{"entityType": "party", "entityId": party_id} for party_id in party_ids]}
    return {"courseId": course_id, "reason": "Hydrogen-sulfide response, annual refresh", **to}


def submit(org: Org, party_ids: list[str] | None = None) -> str:
    """Submit a new course for these parties, or for the whole crew. Returns the job's id."""
    answer = org.client(Permission.ASSIGN).post("/v1/assignments", json=order(org.with_course(), party_ids))
    assert answer.status_code == 202, answer.text
    job_id: str = answer.json()["id"]
    return job_id


def crew_members(count: int) -> list[str]:
    """Returns the first `count` ids of the crew."""
    return [f"party-{n:05}" for n in range(count)]
