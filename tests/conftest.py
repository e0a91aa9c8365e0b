"""Fixtures for every test: a real PostgreSQL and Redis for each pytest process, the application, a worker.

The servers are started here unless `ROLLCALL_DATABASE_URL` and `ROLLCALL_REDIS_URL` name running ones.
Tests share the servers and the schema but never a row: each test creates its own organizations, and row-level
security separates them. So nothing has to be cleaned up, and a leak between organizations fails a test.
`tests/README.md` lists all helpers.
"""

import gc
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from anyio.from_thread import start_blocking_portal
from fastapi import FastAPI
from fastapi.testclient import TestClient
from psycopg import sql
from sqlalchemy.engine import make_url

import migrations
from api.app import create_app
from api.http import documents
from api.http.parts import Parts, build
from cli import embedded
from shared import logs, settings
from shared.settings import TRAINING
from tests.contract import documented_answer
from tests.drain import InProcessWorker
from tests.factories import OF_THIS_FILE, Org, add_org
from tests.prepared import Cluster

gc.freeze()  # collecting garbage among the imported modules again and again takes a sixth of the run time
gc.set_threshold(50_000)

LONG = (
    "cli/test_system",
    "browser/test_console",
    "faults",
    "test_young",
    "cli/test_up",
    "test_strict_types",
    "test_bad_input",
    "test_openapi",
    "licences/test_dates",
    "scenarios",
    "verification/test_credential",
    "licences/test_sweep",
)
"""The slowest files and folders, slowest first."""


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the slowest files first: one that starts last keeps the whole run waiting for a single process."""
    places = {f"tests/{name}": place for place, name in enumerate(LONG)}
    items.sort(key=lambda item: next((places[path] for path in places if item.nodeid.startswith(path)), len(LONG)))


@dataclass(frozen=True)
class Servers:
    """The addresses of a test database, one for each role, and of the broker.

    admin_url: a role that may create databases and bypasses row-level security.
    owner_url: the owner of the tables, which migrates. app_url: the role of a running service.
    """

    admin_url: str
    owner_url: str
    app_url: str
    redis_url: str

    @contextmanager
    def another(self) -> Iterator["Servers"]:
        """Create an empty database on the same server, and drop it at the end of the block."""
        name = f"rollcall_test_{secrets.token_hex(6)}"
        names = {"name": sql.Identifier(name), "owner": sql.Identifier(make_url(self.owner_url).username or "")}
        with psycopg.connect(self.admin_url, autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {name} OWNER {owner} TEMPLATE template0").format(**names))
        try:
            admin, owner, serving = (_named(url, name) for url in (self.admin_url, self.owner_url, self.app_url))
            yield Servers(admin, owner, serving, self.redis_url)
        finally:
            with psycopg.connect(self.admin_url, autocommit=True) as connection:
                connection.execute(sql.SQL("DROP DATABASE {name} WITH (FORCE)").format(**names))


@pytest.fixture(scope="session", autouse=True)
def loop() -> Iterator[None]:
    """One event loop for all requests of all test clients: a new loop per request is a third of its cost."""
    with start_blocking_portal() as portal, pytest.MonkeyPatch.context() as patch:
        patch.setattr(TestClient, "portal", portal)
        yield


@pytest.fixture(scope="module", autouse=True)
def nothing_of_other_files() -> None:
    """The worker inside the test serves the organizations of one file only (`tests/drain.py`)."""
    OF_THIS_FILE.clear()


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Cluster:
    """The prepared PostgreSQL cluster, which a test copies when it needs a server of its own."""
    return Cluster.of_this_run(tmp_path_factory)


@pytest.fixture(scope="session")
def servers(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """The addresses of this process's servers, with an empty database."""
    given, broker = os.environ.get("ROLLCALL_DATABASE_URL"), os.environ.get("ROLLCALL_REDIS_URL")
    if given and broker:
        with Servers(given, given, given, broker).another() as own:
            yield own
        return
    cluster: Cluster = request.getfixturevalue(
        "cluster"
    )  # requested here, so that it is not made when the environment names servers
    with embedded.running(cluster.lay(tmp_path_factory.mktemp("servers"))) as at:
        found = Servers(at.superuser_database_url, at.owner_database_url, at.database_url, at.redis_url)
        with found.another() as own:
            yield own


@pytest.fixture(scope="session")
def configured(servers: Servers) -> Iterator[settings.Settings]:
    """Migrate the database and set the environment of a running service. Returns its settings."""
    migrations.upgrade(servers.owner_url, frozenset({TRAINING}))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ROLLCALL_DATABASE_URL", servers.app_url)
        patch.setenv("ROLLCALL_REDIS_URL", servers.redis_url)
        patch.setenv("ROLLCALL_JWT_SECRET", secrets.token_urlsafe(32))
        settings.current.cache_clear()
        logs.configure("json", "info")
        yield settings.current()


@pytest.fixture(scope="session", autouse=True)
def documented() -> Iterator[None]:
    """Every problem that the API answers in any test is one that its OpenAPI document names for the operation."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(documents, "answer", documented_answer)
        yield


@pytest.fixture(scope="session")
def parts(configured: settings.Settings) -> Iterator[Parts]:
    """The objects that an API process builds at its start: settings, database, broker, token verifier."""
    made = build(configured)
    yield made
    made.database.close()


@pytest.fixture(scope="session")
def app(parts: Parts) -> FastAPI:
    """The FastAPI application."""
    return create_app(parts)


@pytest.fixture
def org(app: FastAPI, parts: Parts) -> Org:
    """An organization that only this test uses."""
    return add_org(app, parts)


@pytest.fixture
def other_org(app: FastAPI, parts: Parts) -> Org:
    """A second organization, which must see nothing of the first."""
    return add_org(app, parts)


@pytest.fixture
def worker(configured: settings.Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[InProcessWorker]:
    """A worker inside this process, whose messages the test delivers, loses or doubles (`tests/drain.py`).

    Without the tasks' time limits: a task serves every organization, and earlier tests left hundreds with work to do.
    """
    monkeypatch.setattr("worker.deliveries.PLANNING_SECONDS", float("inf"))
    monkeypatch.setattr("worker.events.TURN_SECONDS", float("inf"))
    monkeypatch.setattr("worker.mail.SENDING_SECONDS", float("inf"))
    monkeypatch.setattr("worker.mail.TURN_SECONDS", float("inf"))
    with InProcessWorker.open() as opened:
        yield opened


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """The path of a data directory for this test, not yet created."""
    return tmp_path / "data"


def _named(url: str, database: str) -> str:
    return make_url(url).set(database=database).render_as_string(hide_password=False)
