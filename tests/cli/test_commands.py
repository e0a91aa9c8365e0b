"""Commands run in the tests' own process: their messages for wrong arguments, and those that need only the database."""

import secrets
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from cli.failures import FAILURE, USAGE, explain
from cli.main import run_command
from cli.options import seconds
from shared import events
from shared.access import Permission, TokenVerifier
from shared.database import Database
from shared.errors import Conflict
from shared.settings import Settings
from tests.conftest import Servers
from tests.factories import Org

PYPROJECT = Path(__file__).parents[2] / "pyproject.toml"

COMMANDS = (
    ["up"],
    ["api"],
    ["worker"],
    ["beat"],
    ["migrate"],
    ["demo"],
    ["keys", "credential"],
    ["doctor"],
    ["org", "add"],
    ["org", "entitle"],
    ["parties", "import"],
    ["token"],
    ["assign"],
    ["jobs", "list"],
    ["jobs", "watch"],
    ["jobs", "show"],
    ["jobs", "results"],
    ["jobs", "cancel"],
    ["jobs", "retry"],
    ["events", "tail"],
    ["events", "refill"],
)


class Said:
    """The result of a command: exit code, stdout and stderr."""

    def __init__(self, capsys: pytest.CaptureFixture[str], *arguments: str) -> None:
        capsys.readouterr()
        self.code = run_command(list(arguments))
        self.out, self.err = capsys.readouterr()


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, configured: Settings) -> None:
    """An empty working folder, without settings that name a system."""
    monkeypatch.chdir(tmp_path)
    for name in ("DATABASE_URL", "REDIS_URL", "JWT_SECRET"):
        monkeypatch.delenv(f"ROLLCALL_{name}")


def test_the_version_is_that_of_pyproject(capsys: pytest.CaptureFixture[str]) -> None:
    version = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["project"]["version"]
    said = Said(capsys, "--version")
    assert (said.code, said.out, said.err) == (0, f"rollcall {version}\n", "")


def test_help_imports_no_slow_module() -> None:
    slow = "{'sqlalchemy', 'celery', 'fastapi', 'psycopg', 'redis', 'httpx2'}"
    program = f"import sys, cli.main; sys.exit(len({slow} & sys.modules.keys()))"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_has_a_help_page(capsys: pytest.CaptureFixture[str], command: list[str]) -> None:
    said = Said(capsys, *command, "--help")
    assert (said.code, said.err) == (0, "")
    assert f"rollcall {' '.join(command)}" in said.out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["demmo"], "No such command 'demmo'. Did you mean 'demo'? See `rollcall --help`.\n"),
        (["org"], "Missing command. See `rollcall org --help`.\n"),
        (["up", "--port", "0"], "Invalid value for '--port': "),
        (["jobs", "watch", "7"], "Invalid value for 'JOB': "),
        (["org", "add", "a b", "--name", "A", "--time-zone", "UTC"], "Invalid value for 'ORG': an id is 1 to 64 char"),
        (["token", "--org", "a"], "Missing option '--member'. See `rollcall token --help`.\n"),
        (["assign", "H2S", "--org", "a", "--reason", "r"], "Invalid value: name recipients with --party, --folder or"),
    ],
)
def test_wrong_arguments_get_one_line(capsys: pytest.CaptureFixture[str], arguments: list[str], sentence: str) -> None:
    said = Said(capsys, *arguments)
    assert (said.code, said.out) == (USAGE, "")
    assert said.err.startswith(sentence)
    assert said.err.count("\n") == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ["migrate"],
        ["api"],
        ["worker"],
        ["beat"],
        ["org", "add", "a", "--name", "A", "--time-zone", "UTC"],
        ["token", "--org", "a", "--member", "m"],
        ["jobs", "list", "--org", "a"],
    ],
    ids=" ".join,
)
def test_a_command_without_a_system_names_the_next_step(
    capsys: pytest.CaptureFixture[str], nowhere: None, arguments: list[str]
) -> None:
    said = Said(capsys, *arguments)
    assert said.code == FAILURE
    assert said.err.startswith(
        "There is no Rollcall system here. Create one with `rollcall up`, name its folder with --data-dir, or set"
    )
    assert said.err.count("\n") == 1


def test_a_folder_without_a_system_is_named(capsys: pytest.CaptureFixture[str], nowhere: None) -> None:
    said = Said(capsys, "migrate", "--data-dir", "elsewhere")
    assert said.code == FAILURE
    assert said.err.startswith("There is no Rollcall system in elsewhere. ")
    assert not Path("elsewhere").exists()


def test_a_misspelt_setting_is_named(
    capsys: pytest.CaptureFixture[str], nowhere: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROLLCALL_DATABSE_URL", "postgresql://127.0.0.1/x")
    said = Said(capsys, "migrate")
    assert (said.code, said.err.startswith("ROLLCALL_DATABSE_URL is not a setting of Rollcall.")) == (FAILURE, True)


def test_an_unreachable_database_is_named_without_its_password(
    capsys: pytest.CaptureFixture[str], nowhere: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROLLCALL_DATABASE_URL", "postgresql://rollcall:sesame@127.0.0.1:1/rollcall")
    said = Said(capsys, "migrate")
    assert said.code == FAILURE
    assert said.err.startswith("PostgreSQL at 127.0.0.1:1/rollcall cannot be reached (Connection refused)")
    assert "sesame" not in said.err


def test_migrate_can_be_repeated(
    capsys: pytest.CaptureFixture[str], configured: Settings, servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROLLCALL_DATABASE_URL", servers.owner_url)
    said = Said(capsys, "migrate")
    assert (said.code, said.out) == (0, "Nothing to migrate. The database is up to date, with training.\n")


def test_an_organization_is_added_once(capsys: pytest.CaptureFixture[str], configured: Settings) -> None:
    org_id = f"org-{secrets.token_hex(4)}"
    add = ("org", "add", org_id, "--name", "Acme", "--time-zone", "Europe/Oslo")
    first, again = Said(capsys, *add), Said(capsys, *add)
    assert (first.code, first.err) == (0, "")
    assert first.out.startswith(f"Added {org_id}. Next, make a token")
    assert (again.code, again.out) == (FAILURE, "")
    assert again.err == f"The organization {org_id} is there already; nothing was changed.\n"


def test_an_unknown_time_zone_is_a_usage_error(capsys: pytest.CaptureFixture[str], configured: Settings) -> None:
    said = Said(capsys, "org", "add", "org-in-space", "--name", "A", "--time-zone", "Mars/Olympus")
    assert (said.code, said.err) == (USAGE, "This is not an IANA time zone; an example is Europe/Amsterdam.\n")


def test_entitlement_to_training_is_withdrawn_and_granted_again(capsys: pytest.CaptureFixture[str], org: Org) -> None:
    assert (
        Said(capsys, "org", "entitle", org.id, "--no-training").out == f"{org.id} is no longer entitled to training.\n"
    )
    assert org.client().get("/v1/courses").json()["reason"] == "not_entitled"
    assert Said(capsys, "org", "entitle", org.id, "--training").out == f"{org.id} is now entitled to training.\n"
    assert org.client().get("/v1/courses").status_code == 200
    with org.transaction() as db:
        told = [(event.actor_id, event.data["training"]) for event in events.feed_after(db, 1).events]
    assert told == [("operator", False), ("operator", True)]


def test_entitling_an_unknown_organization_is_refused(capsys: pytest.CaptureFixture[str], configured: Settings) -> None:
    assert Said(capsys, "org", "entitle", "org-of-nobody", "--training").code == FAILURE


def test_a_token_has_the_given_claims_and_nothing_else_is_printed(
    capsys: pytest.CaptureFixture[str], configured: Settings
) -> None:
    given = ["--org", "acme", "--member", "ada", "--party", "p-1", "--folder", "f-1", "--folder", "f-2", "--ttl", "2h"]
    said = Said(capsys, "token", *given, "--permission", "training.assign", "--permission", "events.read")
    assert said.err == ""
    caller = TokenVerifier(configured).verify(said.out.rstrip("\n"))
    assert (caller.org_id, caller.member_id, caller.party_id) == ("acme", "ada", "p-1")
    assert caller.folders == frozenset({"f-1", "f-2"})
    assert caller.permissions == {Permission.ASSIGN, Permission.READ_EVENTS}


def test_a_token_without_folders_sees_every_folder(capsys: pytest.CaptureFixture[str], configured: Settings) -> None:
    said = Said(capsys, "token", "--org", "acme", "--member", "ada", "--permission", "all")
    caller = TokenVerifier(configured).verify(said.out.rstrip("\n"))
    assert (caller.folders, caller.permissions) == (None, frozenset(Permission))


def test_an_unknown_permission_is_answered_with_the_known_ones(
    capsys: pytest.CaptureFixture[str], configured: Settings
) -> None:
    said = Said(capsys, "token", "--org", "acme", "--member", "ada", "--permission", "training.asign")
    assert said.code == USAGE
    assert "training.assign" in said.err


@pytest.mark.parametrize(
    ("length", "meant"), [("3600", 3600), ("90s", 90), ("15m", 900), ("1h", 3600), ("30d", 2592000)]
)
def test_a_length_of_time_is_parsed_to_seconds(length: str, meant: int) -> None:
    assert seconds(length) == meant


def test_an_unforeseen_error_is_named_by_type_and_place_without_its_text() -> None:
    try:
        raise KeyError("Ada Lovelace, ada@example.org")
    except KeyError as error:
        sentence, code = explain(error)
    assert code == FAILURE
    assert "KeyError at test_commands.py:" in sentence
    assert "Ada" not in sentence


def test_a_missing_table_is_explained_by_a_missing_migration(configured: Settings, servers: Servers) -> None:
    database = Database(servers.app_url, name="test")
    with pytest.raises(ProgrammingError) as caught, database.transaction(None) as db:
        db.execute(text("SELECT FROM table_of_tomorrow"))
    database.close()
    assert explain(caught.value) == ("The database schema is not up to date; run `rollcall migrate`.", FAILURE)


def test_a_problem_is_explained_by_its_own_detail() -> None:
    assert explain(Conflict("It is so.")) == ("It is so.", FAILURE)


@pytest.mark.parametrize("org_id", [".", ".."])
def test_an_organization_is_not_named_like_a_folder(
    capsys: pytest.CaptureFixture[str], configured: Settings, org_id: str
) -> None:
    said = Said(capsys, "org", "add", org_id, "--name", "A", "--time-zone", "UTC")
    assert said.code == 2
    assert "which stand for folders" in said.err
