"""A command with --data-dir has the settings of the running `rollcall up`, whatever its own shell has."""

import os
from pathlib import Path

import psutil
import pytest

from cli import system
from cli.up import State
from shared.settings import Settings

OF_UP = {
    "ROLLCALL_DATABASE_URL": "postgresql://rollcall_app:x@127.0.0.1:9/rollcall",
    "ROLLCALL_REDIS_URL": "redis://127.0.0.1:9/0",
    "ROLLCALL_JWT_SECRET": "s" * 32,
    "ROLLCALL_SMTP_URL": "smtp://mail.example",
    "ROLLCALL_MAILS_A_DAY": "3",
    "ROLLCALL_WORKER_CONCURRENCY": "2",
}
OF_THE_SHELL = {
    "ROLLCALL_MAILS_A_DAY": "9",
    "ROLLCALL_STREAM_LENGTH": "7000",
    "ROLLCALL_WORKER_CONCURRENCY": "5",
}


@pytest.fixture
def shell(configured: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment with other settings than those of `rollcall up`."""
    for name in [name for name in os.environ if name.startswith("ROLLCALL_")]:
        monkeypatch.delenv(name)
    for name, value in OF_THE_SHELL.items():
        monkeypatch.setenv(name, value)


def write_state(data_dir: Path, settings: dict[str, str]) -> None:
    state = State(
        pid=os.getpid(),
        started_at=psutil.Process().create_time(),
        api_url="http://127.0.0.1:8000",
        database_url=OF_UP["ROLLCALL_DATABASE_URL"],
        redis_url=OF_UP["ROLLCALL_REDIS_URL"],
        settings=settings,
        processes=[],
    )
    (data_dir / "state.json").write_text(state.model_dump_json(by_alias=True), encoding="utf-8")


@pytest.mark.usefixtures("shell")
def test_one_more_worker_has_the_settings_of_the_running_up_but_for_its_own_sizes(tmp_path: Path) -> None:
    write_state(tmp_path, OF_UP)
    found = system.find(tmp_path)
    found.export()
    exported = {name: value for name, value in os.environ.items() if name.startswith("ROLLCALL_")}
    exported.pop("ROLLCALL_CREDENTIAL_KEY")
    assert exported == OF_UP | {"ROLLCALL_WORKER_CONCURRENCY": "5"}
    assert (found.settings.smtp_url, found.settings.mails_a_day) == ("smtp://mail.example", 3)


@pytest.mark.usefixtures("shell")
def test_beside_an_up_of_the_former_release_a_command_has_its_addresses_and_otherwise_its_own(tmp_path: Path) -> None:
    write_state(tmp_path, {})
    found = system.find(tmp_path)
    assert (found.settings.database_url, found.settings.mails_a_day) == (OF_UP["ROLLCALL_DATABASE_URL"], 9)
    assert found.api_url == "http://127.0.0.1:8000"
