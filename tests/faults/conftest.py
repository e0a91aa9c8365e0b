"""The plant that the tests of this folder break, and the organization of 20,000 that they break it under."""

from collections.abc import Iterator

import psycopg
import pytest

from api.app import create_app
from api.service import Service, build
from shared import settings
from shared.access import Permission
from tests.factories import Org, add_org
from tests.faults.orders import CREW, CREW_SIZE, crew_members
from tests.faults.plant import Plant


@pytest.fixture(scope="session")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plant]:
    """The servers. Whoever breaks one mends it before the test ends."""
    with Plant.built(tmp_path_factory.mktemp("plant") / "data") as built:
        yield built


@pytest.fixture(scope="session")
def desk(plant: Plant) -> Iterator[Service]:
    """The parts of an API process, in the tests' own process."""
    made = build(settings.read(plant.environment))
    yield made
    made.database.close()


@pytest.fixture(scope="session")
def crew(plant: Plant, desk: Service) -> Org:
    """An organization with 20,000 parties in one folder; each test assigns them a course of its own."""
    org = add_org(create_app(desk), desk)
    client = org.client(Permission.SYNC_DIRECTORY)
    parties = [{"entityId": who, "displayName": f"Party {who}", "folders": [CREW]} for who in crew_members(CREW_SIZE)]
    for first in range(0, CREW_SIZE, 10_000):
        answer = client.put("/v1/parties", json={"parties": parties[first : first + 10_000]})
        assert answer.status_code == 200, answer.text
    with psycopg.connect(plant.owner_url) as connection:
        connection.execute("ANALYZE party")  # as autovacuum does within a minute
    return org
