"""`rollcall keys`: a printed key fits its setting, and `rollcall doctor` reports a missing one."""

import pytest

from cli.checks import run_checks
from cli.main import run_command
from cli.system import System
from shared import settings
from shared.settings import Settings


def printed(capsys: pytest.CaptureFixture[str]) -> str:
    capsys.readouterr()
    assert run_command(["keys", "credential"]) == 0
    return capsys.readouterr().out


def test_a_key_is_printed_on_one_line_that_the_setting_accepts(capsys: pytest.CaptureFixture[str]) -> None:
    one, other = printed(capsys), printed(capsys)
    assert (one.count("\n"), one == other) == (1, False)
    read = settings.read({"ROLLCALL_CREDENTIAL_KEY": other.strip() + one.strip()})
    assert read.credential_key is not None
    assert len(settings.private_keys(read.credential_key)) == 2


def test_the_doctor_reports_whether_a_key_is_set(configured: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    def told(key: str) -> tuple[bool, str]:
        given = Settings.model_validate(configured.model_dump() | {"credential_key": key})
        checks = run_checks(System(given), api_url=None, with_invariants=False)
        return next((check.ok, check.detail) for check in checks if check.name == "credentials")

    key = printed(capsys)
    assert told(key) == (True, "Signed with the key in ROLLCALL_CREDENTIAL_KEY.")
    assert told(key + printed(capsys)) == (
        True,
        "Signed with the key in ROLLCALL_CREDENTIAL_KEY, which also has 1 former.",
    )
    missing = told("")
    assert missing[0]
    assert "`rollcall keys credential` makes a key" in missing[1]
