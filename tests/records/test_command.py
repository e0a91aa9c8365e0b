"""`rollcall records import`: a file goes in without an API and without workers."""

from pathlib import Path

import pytest

from cli.main import run_command
from tests.conftest import Servers
from tests.factories import Org
from tests.records.importing import licences


@pytest.fixture
def command(servers: Servers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROLLCALL_DATABASE_URL", servers.app_url)


def file(folder: Path, *rows: str) -> str:
    path = folder / "history.csv"
    path.write_text("\n".join(("partyId;course;date;Remark", *rows)))
    return str(path)


def test_a_file_of_records_goes_in_and_comes_again_without_a_change(
    org: Org, command: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    org.with_parties("a", "b")
    org.with_course(code="H2S")
    path = file(tmp_path, "a;H2S;01.02.2024;Paper", "b;H2S;2024-02-01;")
    asked = ["records", "import", path, "--org", org.id]
    assert run_command([*asked, "--dry-run"]) == 0
    assert "Nothing was written. It would be: 2 recorded." in capsys.readouterr().out
    assert not licences(org)
    assert run_command(asked) == 0
    assert "2 recorded, 0 were there already, 0 did not go in." in capsys.readouterr().out
    assert {(one["source"], one["state"]) for one in licences(org)} == {("record", "expired")}
    assert run_command(asked) == 0
    assert "0 recorded, 2 were there already" in capsys.readouterr().out


def test_rows_that_do_not_go_in_are_named_and_the_exit_code_says_so(
    org: Org, command: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    org.with_parties("a")
    org.with_course(code="H2S")
    path = file(tmp_path, "a;H2S;2024-02-01", "nobody;H2S;2024-02-01", "a;H2S;yesterday")
    asked = ["records", "import", path, "--org", org.id]
    assert run_command([*asked, "--dry-run"]) == 3
    capsys.readouterr()
    assert run_command(asked) == 3
    said = capsys.readouterr().out
    assert "Row 3, line 4: date: must be a day" in said
    assert "Row 2, line 3: There is no such party" in said
    assert "1 recorded, 0 were there already, 2 did not go in." in said


def test_an_import_above_the_change_limit_is_left_to_another_member(
    org: Org, command: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    org.with_parties("a")
    org.with_course(code="H2S")
    org.client().put("/v1/settings", json={"changeLimit": 0})
    path = file(tmp_path, "a;H2S;2024-02-01")
    assert run_command(["records", "import", path, "--org", org.id]) == 3
    assert "waits for the approval of another member" in capsys.readouterr().out
