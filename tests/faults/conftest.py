"""The running system (`plant`) that the tests of this folder break, and an organization (`crew`) in it."""

from collections.abc import Iterator

import psycopg
import pytest

from tests.faults.orders import SIZES, Crew, add_crew, new_org
from tests.faults.plant import Plant
from tests.prepared import Cluster


@pytest.fixture(scope="session")
def plant(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plant]:
    """Servers and programs. A test that breaks something repairs it before its end."""
    with Plant.built(cluster.lay(tmp_path_factory.mktemp("plant") / "data")) as built:
        yield built


@pytest.fixture(scope="session", params=SIZES)
def crew(plant: Plant, request: pytest.FixtureRequest) -> Iterator[Crew]:
    """An organization with many parties in one folder. Each test assigns them a new course."""
    with new_org(plant.environment) as org:
        made = add_crew(org, request.param)
        with psycopg.connect(plant.owner_url) as connection:
            connection.execute("ANALYZE party")  # as autovacuum does within a minute
        yield made
