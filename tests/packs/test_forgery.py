"""The published script finds a pack that was altered and given a manifest of its own."""

import io
import json
import warnings
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.assignments.asking import assign, body
from tests.drain import InProcessWorker
from tests.events.tampering import seal
from tests.factories import Org
from tests.packs.asking import ask, complete
from tests.packs.test_packs import fetched
from tests.packs.test_script import SAID, judged, repacked

NAME = "people/0001.json"


def head_of(told: dict[str, Any], size: str = "sequence") -> str:
    """Returns a head as the script takes it."""
    return f"{told[size]}:{told.get('hash', '')}:{told['rootHash']}"


@pytest.fixture
def made(org: Org, worker: InProcessWorker) -> tuple[zipfile.ZipFile, str]:
    """Returns the pack of a party with a licence that was corrected and then revoked, and the head."""
    course = org.with_course(licenceOn="completion", licenceMonths=12)
    org.with_parties("a", folder="crew")
    assign(org, worker, body(course, "a"))
    complete(org, worker, course)
    licence = org.client().get("/v1/licences").json()["items"][0]
    read = org.client().get(f"/v1/licences/{licence['id']}")
    change = {"expiresAt": "2039-01-01T00:00:00Z", "reason": "Typing error"}
    changed = org.client().patch(
        f"/v1/licences/{licence['id']}", json=change, headers={"If-Match": read.headers["etag"]}
    )
    assert changed.status_code == 200, changed.text
    assert org.client().post(f"/v1/licences/{licence['id']}/revoke", json={"reason": "Forged"}).status_code == 200
    pack_id = ask(org, worker, {"all": True}, include=["licences", "completions"])
    return fetched(org, pack_id), head_of(org.client().get(f"/v1/packs/{pack_id}").json()["head"])


@pytest.mark.parametrize(
    ("kind", "field", "value"),
    [
        ("licences", "expiresAt", "2040-01-01T00:00:00Z"),
        ("licences", "validFrom", "2020-01-01T00:00:00Z"),
        ("licences", "grantedAt", "2020-01-01T00:00:00Z"),
        ("licences", "revokedAt", None),
        ("completions", "occurredOn", "2020-01-01"),
        ("completions", "method", "self"),
    ],
)
def test_a_value_that_the_events_do_not_state_is_found(
    made: tuple[zipfile.ZipFile, str], tmp_path: Path, kind: str, field: str, value: str | None
) -> None:
    pack, head = made
    assert judged(tmp_path, repacked(pack, {}, restate=True), head)[0] == 0
    person = json.loads(pack.read(NAME))
    person[kind][0][field] = value
    said = judged(tmp_path, repacked(pack, {NAME: json.dumps(person).encode()}, restate=True), head)
    assert said == (1, [f"{NAME}: {field} of {person[kind][0]['id']} is not what its events say."])


def test_a_licence_without_events_is_found(made: tuple[zipfile.ZipFile, str], tmp_path: Path) -> None:
    pack, head = made
    person = json.loads(pack.read(NAME))
    person["proofs"], person["licences"][0]["events"], person["completions"] = [], [], []
    code, lines = judged(tmp_path, repacked(pack, {NAME: json.dumps(person).encode()}, restate=True), head)
    assert code == 1
    assert lines[-1] == f"{NAME}: revokedAt of {person['licences'][0]['id']} is not what its events say."


def test_two_files_of_one_name_are_refused(made: tuple[zipfile.ZipFile, str], tmp_path: Path) -> None:
    pack, head = made
    for name in (NAME, "manifest.json"):
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as archive, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            archive.writestr(name, b"{}")
            for each in pack.namelist():
                archive.writestr(each, pack.read(each))
        said = judged(tmp_path, out.getvalue(), head)
        assert said == (1, [f"{name} was altered, added, removed or repeated."])


def test_the_event_of_the_pack_binds_its_manifest(made: tuple[zipfile.ZipFile, str], org: Org, tmp_path: Path) -> None:
    pack, head = made
    seal(org)
    items = org.client().get("/v1/audit/events", params={"limit": 500}).json()["items"]
    (sequence,) = [item["sequence"] for item in items if item["type"] == "pack.made"]
    (other,) = [item["sequence"] for item in items if item["type"] == "licence.revoked"]
    proofs = [org.client().get("/v1/audit/inclusion", params={"sequence": n}).json() for n in (sequence, other)]
    later = head_of(proofs[0], "treeSize")
    for n, proof in enumerate(proofs):
        (tmp_path / f"{n}.json").write_text(json.dumps(proof))
    code, lines = judged(tmp_path, repacked(pack, {}, restate=False), head, "0.json", later)
    assert (code, lines[0], lines[1].split(":")[0]) == (0, SAID, "The event pack.made holds its SHA-256")
    refused = (1, ["The proof is not that of the event pack.made of this manifest in the later head."])
    assert judged(tmp_path, repacked(pack, {}, restate=False), head, "1.json", later) == refused
    assert judged(tmp_path, repacked(pack, {}, restate=False), head, "0.json", later[:-64] + "0" * 64) == refused
    renamed = pack.read("people.csv").replace(b"1,a,", b"1,a,Nobody")
    assert judged(tmp_path, repacked(pack, {"people.csv": renamed}, restate=True), head, "0.json", later) == refused
