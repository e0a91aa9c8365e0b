"""The organization and the requests of these tests: a new course for all parties of a crew, or for some of them.

The crew is small in `make test` and large in `make faults`. The faults are the same.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from api.app import create_app
from api.http.parts import build
from shared import logs, settings
from shared.access import Permission
from tests.factories import Org, add_org

CREW = "whole-crew"
FEW, MANY = 2_000, 20_000
"""Parties of a crew."""

CHUNKS = {"ROLLCALL_WORKER_CONCURRENCY": "8"}
"""A job is cut for so many processes: also that of the few has eight chunks, and a fault can hit the middle of it."""

SIZES = [FEW, pytest.param(MANY, marks=pytest.mark.matrix)]


@dataclass(frozen=True)
class Crew(Org):
    """An organization with parties in one folder. size: their number."""

    size: int = FEW


@contextmanager
def new_org(environment: Mapping[str, str]) -> Iterator[Org]:
    """Yields a new organization in the system that the settings name, with an API in the tests' own process."""
    logs.configure("json", "info")
    parts = build(settings.read({**environment, **CHUNKS}))
    try:
        yield add_org(create_app(parts), parts)
    finally:
        parts.database.close()


def add_crew(org: Org, size: int) -> Crew:
    """Add parties to the folder that `submit` assigns to."""
    ids = crew_members(size)
    for first in range(0, size, 10_000):
        org.with_parties(*ids[first : first + 10_000], folder=CREW)
    return Crew(org.id, org.app, org.parts, size)


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
