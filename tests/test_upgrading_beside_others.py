"""Upgrades while processes of the former release, or of a later one, work on the same database."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

import psycopg
import pytest
from alembic.script import ScriptDirectory

import migrations
from migrations import patience
from shared.settings import TRAINING
from tests.conftest import Servers
from tests.test_migrations import CORE_ALONE, EVERYTHING, begin_at

LATER = {"core": "core_9999", TRAINING: "training_9999"}


@pytest.fixture
def beside(servers: Servers) -> Iterator[Servers]:
    """The addresses of an empty database."""
    with servers.another() as found:
        yield found


@contextmanager
def upgrading(servers: Servers) -> Iterator[Future[None]]:
    """Upgrade in another thread. The block begins once the upgrade waits for a lock."""
    with ThreadPoolExecutor(1) as pool:
        doing = pool.submit(migrations.upgrade, servers.owner_url, EVERYTHING)
        waits(servers, doing)
        yield doing


def waits(servers: Servers, doing: Future[None]) -> None:
    """Wait until a statement of the owner waits for a lock."""
    found = """SELECT count(*) FROM pg_stat_activity
               WHERE datname = current_database() AND usename = %s AND wait_event_type = 'Lock'"""
    owner = psycopg.conninfo.conninfo_to_dict(servers.owner_url)["user"]
    with psycopg.connect(servers.admin_url, autocommit=True) as watching:
        while watching.execute(found, [owner]).fetchone() == (0,):
            assert not doing.done(), doing.exception()
            time.sleep(0.02)


def test_a_migration_that_deadlocks_with_a_process_of_the_former_release_is_repeated(beside: Servers) -> None:
    """A worker reads a job and then its chunks; `core_0011` changes the chunks first."""
    begin_at(beside.owner_url, "core_0010", "training_0005")
    with psycopg.connect(beside.admin_url) as worker:
        worker.execute("SET deadlock_timeout = '60s'")  # so that PostgreSQL ends the migration and not the worker
        worker.execute("SELECT FROM job")
        with upgrading(beside) as doing:
            worker.execute("SELECT FROM job_chunk")
            worker.commit()
            doing.result(60)
    assert migrations.missing(beside.owner_url, EVERYTHING) == []


def test_a_migration_that_waited_too_long_for_a_lock_is_repeated(
    beside: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    begin_at(beside.owner_url, "core_0010", "training_0005")
    monkeypatch.setattr(migrations, "LOCK_SECONDS", 0.2)
    with psycopg.connect(beside.admin_url) as worker:
        worker.execute("SELECT FROM job")

        def let_go(pause: float) -> None:
            pauses.append(pause)
            worker.commit()

        monkeypatch.setattr("migrations.patience.time.sleep", let_go)
        migrations.upgrade(beside.owner_url, EVERYTHING)
    assert pauses == [patience.PAUSES[0]]
    assert migrations.missing(beside.owner_url, EVERYTHING) == []


def test_a_step_is_repeated_only_after_what_others_do_and_not_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    monkeypatch.setattr("migrations.patience.time.sleep", pauses.append)
    for error, repeated in ((psycopg.errors.DeadlockDetected, True), (psycopg.errors.DiskFull, False)):
        pauses.clear()
        with pytest.raises(error):
            patience.patiently(failing(error()))
        assert pauses == (list(patience.PAUSES) if repeated else [])


def failing(error: Exception) -> Callable[[], None]:
    def step() -> None:
        raise error

    return step


@pytest.mark.parametrize("branches", [("core",), (TRAINING,), ("core", TRAINING)], ids=str)
def test_a_database_that_a_later_release_has_migrated_is_current_and_is_not_migrated(
    beside: Servers, branches: tuple[str, ...]
) -> None:
    """A process of this release is still ready to serve while the next release is put in its place."""
    migrations.upgrade(beside.owner_url, EVERYTHING)
    with psycopg.connect(beside.owner_url) as connection:
        for branch in branches:
            connection.execute(
                "UPDATE alembic_version SET version_num = %s WHERE version_num LIKE %s", [LATER[branch], branch + "%"]
            )
    assert migrations.missing(beside.owner_url, EVERYTHING) == []
    with pytest.raises(migrations.LaterRelease):
        migrations.upgrade(beside.owner_url, EVERYTHING)


def test_a_branch_that_is_behind_is_missing_although_the_other_is_of_a_later_release(beside: Servers) -> None:
    migrations.upgrade(beside.owner_url, CORE_ALONE)
    with psycopg.connect(beside.owner_url) as connection:
        connection.execute("UPDATE alembic_version SET version_num = 'core_9999'")
    assert migrations.missing(beside.owner_url, EVERYTHING) == [TRAINING]


def test_the_name_of_each_migration_begins_with_its_branch() -> None:
    """So that a process knows which branch a later release has migrated."""
    for script in ScriptDirectory.from_config(migrations.configuration("")).walk_revisions():
        (branch,) = script.branch_labels
        assert script.revision.rpartition("_")[0] == branch
