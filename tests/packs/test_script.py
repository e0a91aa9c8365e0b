"""The script in `docs/examples`: an outsider verifies a pack with Python alone, and finds what was done to it."""

import io
import json
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI

from api.http.parts import Parts
from tests.assignments.asking import assign, body, parties
from tests.drain import InProcessWorker
from tests.factories import add_org
from tests.packs.asking import ask, complete

SCRIPT = Path(__file__).parents[2] / "docs" / "examples" / "verify_pack.py"


def repacked(pack: zipfile.ZipFile, change: dict[str, bytes | None], *, restate: bool) -> bytes:
    """Returns the pack with other files. restate: with a manifest that states the changed files' hashes."""
    files = {name: pack.read(name) for name in pack.namelist()}
    files = {name: content for name, content in (files | change).items() if content is not None}
    if restate:
        manifest = json.loads(files["manifest.json"])
        manifest["files"] = [
            {"name": name, "sha256": sha256(content).hexdigest(), "size": len(content)}
            for name, content in files.items()
            if name != "manifest.json"
        ]
        files["manifest.json"] = json.dumps(manifest).encode()
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out.getvalue()


def judged(tmp_path: Path, content: bytes, *given: str) -> tuple[int, list[str]]:
    """Runs the script as an outsider does, without the product. Returns its exit code and what it says."""
    path = tmp_path / "pack.zip"
    path.write_bytes(content)
    run = subprocess.run(
        [sys.executable, "-I", str(SCRIPT), str(path), *given],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
    )
    assert run.stderr == ""
    return run.returncode, run.stdout.splitlines()


def test_the_script_is_short_and_needs_nothing_but_python() -> None:
    lines = SCRIPT.read_text().splitlines()
    assert len(lines) <= 60
    imported = {line.split()[1].split(".")[0] for line in lines if line.startswith(("import ", "from "))}
    assert imported <= sys.stdlib_module_names


@dataclass(frozen=True)
class Given:
    """A pack of 200 people, and the head that was published."""

    content: bytes
    head: str

    @property
    def pack(self) -> zipfile.ZipFile:
        """The pack, opened."""
        return zipfile.ZipFile(io.BytesIO(self.content))


@pytest.fixture(scope="module")
def given(app: FastAPI, parts: Parts) -> Given:
    """Returns a pack of 200 people who completed a course that licenses them."""
    org = add_org(app, parts)
    course, people = org.with_course(licenceOn="completion", licenceMonths=12), parties(200)
    org.with_parties(*people, folder="crew")
    with InProcessWorker.open() as worker:
        assign(org, worker, body(course, *people))
        complete(org, worker, course)
        pack_id = ask(org, worker, {"folderIds": ["crew"]})
    told = org.client().get(f"/v1/packs/{pack_id}").json()["head"]
    content = org.client().get(f"/v1/packs/{pack_id}/file").content
    return Given(content, f"{told['sequence']}:{told['hash']}:{told['rootHash']}")


SAID = "The events shown are in the record, and every file is the one in the manifest."
NAME, SHEET = "people/0117.json", "sheets/0117.pdf"


def changed(given: Given) -> tuple[dict[str, Any], int]:
    """Returns what the pack says of one person, to be altered, and the number of the first event that it proves."""
    person = json.loads(given.pack.read(NAME))
    return person, person["proofs"][0]["sequence"]


def test_a_pack_of_200_people_is_verified(given: Given, tmp_path: Path) -> None:
    assert len([name for name in given.pack.namelist() if name.startswith("people/")]) == 200
    assert len([name for name in given.pack.namelist() if name.startswith("sheets/")]) == 200
    digest = sha256(given.pack.read("manifest.json")).hexdigest()
    assert judged(tmp_path, given.content, given.head) == (
        0,
        [SAID, f"The event pack.made must hold its SHA-256: {digest}"],
    )


def test_one_flipped_byte_is_found(given: Given, tmp_path: Path) -> None:
    flipped = bytearray(given.pack.read(NAME))
    flipped[len(flipped) // 2] ^= 1
    said = judged(tmp_path, repacked(given.pack, {NAME: bytes(flipped)}, restate=False), given.head)
    assert said == (1, [f"{NAME} was altered, added, removed or repeated."])
    raw = bytearray(given.content)
    raw[given.pack.getinfo(NAME).header_offset + 30 + len(NAME) + 40] ^= 1
    assert judged(tmp_path, bytes(raw), given.head)[0] == 1
    sheet = bytearray(given.pack.read(SHEET))
    sheet[-100] ^= 1
    said = judged(tmp_path, repacked(given.pack, {SHEET: bytes(sheet)}, restate=False), given.head)
    assert said == (1, [f"{SHEET} was altered, added, removed or repeated."])
    person, sequence = changed(given)  # and in an event, with a manifest that states the new hash
    person["proofs"][0]["form"] = person["proofs"][0]["form"].replace("member", "nember", 1)
    said = judged(tmp_path, repacked(given.pack, {NAME: json.dumps(person).encode()}, restate=True), given.head)
    assert said == (1, [f"{NAME}: event {sequence} is not in the record."])


def test_one_dropped_event_is_found(given: Given, tmp_path: Path) -> None:
    person, sequence = changed(given)
    del person["proofs"][0]
    forged = repacked(given.pack, {NAME: json.dumps(person).encode()}, restate=True)
    code, lines = judged(tmp_path, forged, given.head)
    assert (code, len(lines)) == (1, 1)
    assert lines[0].startswith(f"{NAME}: event {sequence} of ")
    assert lines[0].endswith(" is missing.")


def test_a_rewritten_tail_leads_to_another_head(given: Given, tmp_path: Path) -> None:
    sequence, digest, _ = given.head.split(":")
    code, lines = judged(tmp_path, given.content, f"{sequence}:{digest}:{'0' * 64}")
    assert (code, lines[0].split(":")[0]) == (1, "The pack leads to another head")
    assert len(lines) == 1 + 400
