"""Keys that an operator makes: what is printed fits the setting it is for, and the doctor says where one is missing."""

import pytest

from cli.checks import examine
from cli.main import carry_out
from cli.system import System
from shared import settings
from shared.settings import Settings


def printed(capsys: pytest.CaptureFixture[str]) -> str:
    capsys.readouterr()
    assert carry_out(["keys", "credential"]) == 0
    return capsys.readouterr().out


def test_a_key_is_one_line_that_the_setting_takes(capsys: pytest.CaptureFixture[str]) -> None:
    one, other = printed(capsys), printed(capsys)
    assert (one.count("\n"), one == other) == (1, False)
    read = settings.read({"ROLLCALL_CREDENTIAL_KEY": other.strip() + one.strip()})
    assert read.credential_key is not None
    assert len(settings.private_keys(read.credential_key)) == 2


def test_the_doctor_says_whether_there_is_a_key(configured: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    def told(key: str) -> tuple[bool, str]:
        given = Settings.model_validate(configured.model_dump() | {"credential_key": key})
        checks = examine(System(given), api_url=None, ask_invariants=False)
        return next((check.ok, check.detail) for check in checks if check.name == "credentials")

    key = printed(capsys)
    assert told(key) == (True, "There is a key that signs them.")
    assert told(key + printed(capsys)) == (True, "There is a key that signs them, and 1 former.")
    missing = told("")
    assert missing[0]
    assert "`rollcall keys credential` makes a key" in missing[1]
