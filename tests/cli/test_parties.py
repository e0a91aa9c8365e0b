"""`rollcall parties import`: exit codes, what is written back, what is remembered, and a run that writes nothing."""

from pathlib import Path

import pytest

from cli.main import run_command
from shared.access import Permission
from shared.sheets import ERROR_COLUMN
from tests.factories import Org

FILE = "Pers. No;Name;Team\r\n1;Jürgen;Küche\r\n2;;Küche\r\n3;Änne;Küche\r\n"


def run(org: Org, file: Path, *options: str) -> int:
    return run_command(["parties", "import", str(file), "--org", org.id, *options])


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "staff.csv"
    path.write_bytes(FILE.encode("cp1252"))
    return path


def ids(org: Org) -> list[str]:
    return [one["entityId"] for one in org.client(Permission.VIEW).get("/v1/parties").json()["items"]]


MAPPED = ("--map", "Pers. No=entityId", "--map", "Team=folders")


def test_an_import_writes_back_what_did_not_go_in_and_takes_it_when_it_is_repaired(
    org: Org, file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    repair = tmp_path / "repair.csv"
    assert run(org, file, *MAPPED, "--errors", str(repair)) == 3
    assert ids(org) == ["1", "3"]
    header, row = repair.read_bytes().decode("cp1252").splitlines()
    assert header == f"Pers. No;Name;Team;{ERROR_COLUMN}"
    assert row.startswith("2;;Küche;")
    assert "line 3, Name" in row
    assert "1 did not go in" in capsys.readouterr().out
    repair.write_bytes(repair.read_bytes().replace(b"2;;", b"2;Jane;"))
    assert run(org, repair) == 0  # the organization remembers the mapping of columns
    assert ids(org) == ["1", "2", "3"]
    assert f"Ignored: {ERROR_COLUMN}" in capsys.readouterr().out


def test_a_dry_run_writes_nothing(org: Org, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(org, file, *MAPPED, "--dry-run") == 3
    assert "Nothing was written. It would be: 2 created" in capsys.readouterr().out
    assert ids(org) == []
    assert run(org, file, "--dry-run") == 2  # nothing was remembered either


@pytest.mark.parametrize("given", ["Pers. No", "=entityId", "Pers. No=staffNumber", "Nowhere=entityId"])
def test_a_wrong_mapping_is_refused(org: Org, file: Path, given: str) -> None:
    assert run(org, file, "--map", given) == 2
    assert ids(org) == []


def test_a_damaged_workbook_and_a_file_that_is_not_there_are_refused(
    org: Org, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    book = tmp_path / "staff.xlsx"
    book.write_bytes(b"PK\x03\x04")
    assert run(org, book) == 2
    assert "damaged workbook" in capsys.readouterr().err
    assert run(org, tmp_path / "nowhere.csv") == 1


def test_an_erased_party_of_a_file_did_not_go_in(org: Org, tmp_path: Path) -> None:
    org.with_parties("p-1")
    org.client().post("/v1/parties/p-1/erase")
    path = tmp_path / "staff.csv"
    path.write_text("entityId,displayName\np-1,Jane\n")
    assert run(org, path) == 3


def test_a_file_of_more_than_ten_thousand_is_imported_in_parts(org: Org, tmp_path: Path) -> None:
    path = tmp_path / "staff.csv"
    path.write_text("entityId,displayName\n" + "".join(f"p{n},Name {n}\n" for n in range(10_050)))
    assert run(org, path) == 0
    with org.transaction() as db:
        assert db.connection().exec_driver_sql("SELECT count(*) FROM party").scalar() == 10_050
