"""Ten clients send one Idempotency-Key at the same moment, to a real API process.

Guard: the unique constraint on (organization, key). The second request waits for the first, and gets its job.
"""

import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import pytest

from shared.access import Permission
from tests.factories import Org
from tests.faults.orders import crew_members, order
from tests.faults.plant import Plant

CLIENTS = 10


@pytest.fixture(scope="module")
def client(plant: Plant, crew: Org) -> Iterator[httpx2.Client]:
    """A client with the permission to assign."""
    headers = {"Authorization": f"Bearer {crew.token(Permission.ASSIGN)}"}
    with plant.api() as url, httpx2.Client(base_url=url, headers=headers, timeout=30) as opened:
        yield opened


def post_at_once(client: httpx2.Client, key: str | None, bodies: list[dict[str, Any]]) -> list[httpx2.Response]:
    """Submit all bodies with this key at the same time. Returns the responses."""
    headers = {"Idempotency-Key": key} if key else {}
    with ThreadPoolExecutor(len(bodies)) as clients:
        return list(clients.map(lambda body: client.post("/v1/assignments", json=body, headers=headers), bodies))


def test_one_key_and_body_from_ten_clients_at_once_make_one_job(client: httpx2.Client, crew: Org) -> None:
    key, body = secrets.token_hex(8), order(crew.with_course(), crew_members(500))
    answers = post_at_once(client, key, [body] * CLIENTS)
    assert [answer.status_code for answer in answers] == [202] * CLIENTS
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert len({answer.headers["Location"] for answer in answers}) == 1
    assert sum("Idempotent-Replayed" not in answer.headers for answer in answers) == 1


def test_one_key_with_ten_bodies_at_once_is_accepted_once(client: httpx2.Client, crew: Org) -> None:
    course = crew.with_course()
    bodies = [order(course, crew_members(10 + n)) for n in range(CLIENTS)]
    answers = post_at_once(client, secrets.token_hex(8), bodies)
    assert sorted(answer.status_code for answer in answers) == [202] + [422] * (CLIENTS - 1)
    refused = [answer.json()["type"] for answer in answers if answer.status_code == 422]
    assert set(refused) == {"urn:rollcall:problem:idempotency-key-reused"}


def test_control_without_a_key_ten_clients_make_ten_jobs(client: httpx2.Client, crew: Org) -> None:
    answers = post_at_once(client, None, [order(crew.with_course(), crew_members(10))] * CLIENTS)
    assert len({answer.json()["id"] for answer in answers}) == CLIENTS
