"""`make judges`: what other people's programs say of the OpenAPI and AsyncAPI documents and of every page.

Each test is one judge. It prints its count, and fails on an error. A judge that is not installed is skipped, with the
reason. The judges come from `package-lock.json` and `requirements.txt` in this folder, and are part of no installation.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from openapi_spec_validator import OpenAPIV31SpecValidator

from shared.access import Permission
from tests.browser.conftest import site
from tests.client import typescript
from tests.console.world import World, build, pages
from tests.drain import InProcessWorker
from tests.factories import Org
from tests.judges.conftest import LINES
from tests.scim.tester import checked

__all__ = ["site"]

HERE = Path(__file__).parent
BIN = HERE / "node_modules" / ".bin"
VNU = HERE / "node_modules" / "vnu-jar" / "build" / "dist" / "vnu.jar"
GENERATOR = Path(sys.prefix) / "judges" / "bin" / "openapi-python-client"

WARNINGS = 0
"""Warnings of the linters of the OpenAPI document that were looked at and stay. None at present."""


UNKNOWN_TO_VNU = ".*Unrecognized at-rule .@view-transition.*"
"""CSS that browsers have known since 2024, and vnu does not know yet."""


def run(*command: str | Path, cwd: Path = HERE, **environment: str) -> str:
    """Run a judge. Returns its output. Fails if it finds a fault, or skips if it is not installed."""
    need(Path(command[0]))
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=170,
        check=False,
    )
    said = done.stdout + done.stderr
    assert done.returncode == 0, said[-6000:]
    return said


def need(program: Path) -> None:
    """Skip the test if a program of the judges is not installed."""
    if not program.exists():
        pytest.skip(f"{program.name} is not installed; it needs npm, and `make judges` installs it")


def say(judge: str, count: str) -> None:
    """Print the line of a judge at the end of the run."""
    LINES.append(f"{judge:<24} {count}")


@pytest.fixture(scope="module")
def openapi(app: FastAPI, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The OpenAPI document as a file."""
    path = tmp_path_factory.mktemp("judged") / "openapi.json"
    path.write_text(TestClient(app).get("/openapi.json").text, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def operations(openapi: Path) -> list[str]:
    """The ids of all operations of the document."""
    paths = json.loads(openapi.read_text(encoding="utf-8"))["paths"]
    return [operation["operationId"] for methods in paths.values() for operation in methods.values()]


def test_openapi_spec_validator(openapi: Path, operations: list[str]) -> None:
    faults = list(OpenAPIV31SpecValidator(json.loads(openapi.read_text(encoding="utf-8"))).iter_errors())
    assert faults == []
    say("openapi-spec-validator", f"{len(operations)} operations, 0 faults")


def test_spectral(openapi: Path) -> None:
    ruleset = HERE / "spectral.yaml"
    said = run(BIN / "spectral", "lint", openapi, "--ruleset", ruleset, "--fail-severity", "error", "--format", "json")
    found = json.loads(said[said.index("[") : said.rindex("]") + 1])
    assert len(found) <= WARNINGS, found
    say("spectral", f"0 errors, {len(found)} warnings")


def test_redocly(openapi: Path) -> None:
    said = run(BIN / "redocly", "lint", openapi, "--extends", "minimal", "--format", "json", REDOCLY_TELEMETRY="off")
    totals = json.loads(said[said.index("{") : said.rindex("}") + 1])["totals"]
    assert (totals["errors"], totals["warnings"] <= WARNINGS) == (0, True), said
    say("redocly", f"0 errors, {totals['warnings']} warnings")


def test_openapi_python_client(openapi: Path, operations: list[str], tmp_path: Path) -> None:
    out = tmp_path / "client"
    path = f"{GENERATOR.parent}{os.pathsep}{os.environ['PATH']}"
    config = HERE / "openapi-python-client.yaml"
    run(GENERATOR, "generate", "--path", openapi, "--output-path", out, "--config", config, PATH=path)
    made = {file.stem for file in out.glob("*/api/*/*.py") if file.stem != "__init__"}
    missing = {snake(one) for one in operations} - made
    assert not missing
    say("openapi-python-client", f"{len(made)} of {len(operations)} operations")


def test_openapi_typescript(openapi: Path, operations: list[str], tmp_path: Path) -> None:
    out = tmp_path / "api.d.ts"
    run(BIN / "openapi-typescript", openapi, "-o", out)
    made = set(re.findall(r'operations\["(\w+)"\]', out.read_text(encoding="utf-8")))
    assert made == set(operations)
    run(BIN / "tsc", "--noEmit", "--strict", out)
    say("openapi-typescript", f"{len(made)} of {len(operations)} operations, compiled by tsc")


def test_the_typescript_client_drives_the_tour(
    site: str, org: Org, worker: InProcessWorker, app: FastAPI, operations: list[str], tmp_path: Path
) -> None:
    need(typescript.BIN / "tsc")
    node = shutil.which("node")
    assert node is not None
    package = shutil.copytree(typescript.PACKAGE, tmp_path / "typescript", ignore=typescript.BUILT)
    typescript.build(package, app.openapi())
    typescript.run(typescript.BIN / "tsc", "-p", package / "tests")
    typescript.run(node, package / "dist-tests" / "repeating.js")
    org.with_parties(*(f"crew-{number}" for number in range(5)), folder="deck")
    org.with_course(code="H2S")
    command = [node, str(package / "dist-tests" / "tour.js"), site, org.token(*Permission)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as tour:
        try:
            give_up = time.monotonic() + 120
            while tour.poll() is None and time.monotonic() < give_up:
                worker.drain(org.id)
                time.sleep(0.1)
        finally:
            tour.kill()
        assert tour.stdout is not None
        said = tour.stdout.read()
    assert tour.returncode == 0, said
    assert said.split() == [str(len(operations))]
    say(
        "TypeScript client", f"{said.strip()} of {len(operations)} operations, compiled by tsc; drives the tour in node"
    )


def test_asyncapi(app: FastAPI, tmp_path: Path) -> None:
    path = tmp_path / "asyncapi.json"
    path.write_text(TestClient(app).get("/v1/events/asyncapi.json").text, encoding="utf-8")
    node = shutil.which("node")
    if node is None or not (HERE / "node_modules").exists():
        pytest.skip("@asyncapi/parser is not installed; it needs npm, and `make judges` installs it")
    messages, hints = run(node, HERE / "asyncapi.mjs", path).split()
    say("@asyncapi/parser", f"{messages} messages, 0 faults, {hints} hints")


@pytest.fixture
def world(org: Org, worker: InProcessWorker) -> World:
    """An organization with something on every page."""
    return build(org, worker)


@pytest.fixture
def drawn(world: World, app: FastAPI, tmp_path: Path) -> list[Path]:
    """Every page of the console and every public page as files: for a coordinator, in both languages."""
    return list(_drawn(world, app, tmp_path))


def _drawn(world: World, app: FastAPI, folder: Path) -> Iterator[Path]:
    code = world.org.client().get(f"/v1/licences/{world.ids['licence_id']}").json()["code"]
    signed_in = [world.address(path) for path in pages(app)]
    certificate = f"/v1/licences/{world.ids['licence_id']}/certificate"
    public = [
        "/",
        "/docs",
        "/verify",
        f"/verify/{code}",
        "/verify/WRONG",
        "/personas",
        "/problems",
        "/problems/invalid-input",
        certificate,
    ]
    for language in ("en", "nb"):
        reader = world.org.visitor()
        reader.headers.update({"Accept": "text/html", "Accept-Language": language})
        client = world.org.client()
        client.headers.update({"Accept": "text/html", "Accept-Language": language})
        for number, address in enumerate([*signed_in, *public]):
            answer = (reader if address in signed_in else client).get(address)
            if answer.headers.get("content-type", "").startswith("text/html"):
                path = folder / f"{language}-{number:03}{re.sub('[^a-z]+', '-', address)}.html"
                path.write_bytes(answer.content)
                yield path


def test_vnu_and_html_validate(drawn: list[Path]) -> None:
    assert len(drawn) > 60
    run(BIN / "html-validate", "--config", HERE / "htmlvalidate.json", "--max-warnings", "0", *drawn)
    say("html-validate", f"{len(drawn)} pages, 0 errors")
    java = shutil.which("java")
    if java is None or not VNU.exists():
        pytest.skip("vnu is not installed; it needs npm and Java")
    options = ["--stdout", "--errors-only", "--format", "gnu", "--filterpattern", UNKNOWN_TO_VNU]
    run(java, "-Xss4m", "-jar", VNU, *options, *drawn)
    say("vnu", f"{len(drawn)} pages, 0 errors")


def test_scim2_tester(org: Org) -> None:
    say("scim2-tester", f"{len(checked(org))} checks passed, 0 skipped")


def snake(name: str) -> str:
    """Return `listMyAssignments` as `list_my_assignments`."""
    return re.sub("(?=[A-Z])", "_", name).lower()
