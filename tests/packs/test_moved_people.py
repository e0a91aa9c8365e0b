"""The published script accepts a pack of people who were merged or renumbered, and no id that no event gave them."""

import json
from pathlib import Path

import pytest

from tests.assignments.asking import assign, body
from tests.drain import InProcessWorker
from tests.factories import Org
from tests.moving.moving import merge, renumber, undo
from tests.packs.asking import ask, complete
from tests.packs.test_packs import fetched
from tests.packs.test_script import judged, repacked
from tests.records.importing import bring_in, record


@pytest.fixture
def crew(org: Org, worker: InProcessWorker) -> Org:
    """Returns an organization whose parties a and c completed a course; b completed nothing."""
    course = org.with_course(licenceOn="completion", licenceMonths=12)
    org.with_parties("a", "b", "c", folder="crew")
    assign(org, worker, body(course, "a", "c"))
    complete(org, worker, course)
    return org


def verified(org: Org, worker: InProcessWorker, tmp_path: Path) -> dict[str, list[str]]:
    """Makes a pack of everybody, which the script must accept. Returns the former ids by party."""
    pack_id = ask(org, worker, {"all": True}, include=["licences", "completions"])
    pack = fetched(org, pack_id)
    head = org.client().get(f"/v1/packs/{pack_id}").json()["head"]
    content = repacked(pack, {}, restate=False)
    code, lines = judged(tmp_path, content, f"{head['sequence']}:{head['hash']}:{head['rootHash']}")
    assert code == 0, lines
    people = [json.loads(pack.read(name)) for name in pack.namelist() if name.startswith("people/")]
    assert sum(len(person["licences"]) for person in people) == 2
    return {person["partyId"]: [former["id"] for former in person["formerIds"]] for person in people}


def test_a_pack_of_a_renumbered_party_is_verified(crew: Org, worker: InProcessWorker, tmp_path: Path) -> None:
    renumber(crew, worker, "a", "z")
    assert verified(crew, worker, tmp_path) == {"b": [], "c": [], "z": ["a"]}


def test_a_pack_of_a_merged_party_is_verified(crew: Org, worker: InProcessWorker, tmp_path: Path) -> None:
    merge(crew, worker, "a", "b")
    assert verified(crew, worker, tmp_path) == {"b": ["a"], "c": []}


def test_a_pack_of_a_party_that_was_moved_twice_is_verified(crew: Org, worker: InProcessWorker, tmp_path: Path) -> None:
    merge(crew, worker, "a", "b")
    renumber(crew, worker, "b", "z")
    assert verified(crew, worker, tmp_path) == {"c": [], "z": ["a", "b"]}


def test_a_pack_of_records_that_a_merge_ended_is_verified(org: Org, worker: InProcessWorker, tmp_path: Path) -> None:
    course = org.with_course(licenceMonths=12)
    org.with_parties("a", "b", folder="crew")
    records = [record("a", course, "2025-03-02", "2028-03-02"), record("b", course, "2025-04-02", "2029-04-02")]
    assert bring_in(org, worker, records)["state"] == "succeeded"
    merge(org, worker, "a", "b")
    renumber(org, worker, "b", "z")
    assert verified(org, worker, tmp_path) == {"z": ["a", "b"]}


@pytest.mark.parametrize("act", ["merge", "renumber"])
def test_a_pack_after_an_undone_move_is_verified(crew: Org, worker: InProcessWorker, tmp_path: Path, act: str) -> None:
    """The licence is corrected while the party has another id, so one of its events keeps that id."""
    job = merge(crew, worker, "a", "b") if act == "merge" else renumber(crew, worker, "a", "z")
    now = "b" if act == "merge" else "z"
    licence = crew.client().get("/v1/licences", params={"partyId": now}).json()["items"][0]
    read = crew.client().get(f"/v1/licences/{licence['id']}")
    change = {"expiresAt": "2039-01-01T00:00:00Z", "reason": "Typing error"}
    tag = {"If-Match": read.headers["etag"]}
    answer = crew.client().patch(f"/v1/licences/{licence['id']}", json=change, headers=tag)
    assert answer.status_code == 200, answer.text
    assert undo(crew, worker, job)["state"] == "succeeded"
    verified(crew, worker, tmp_path)


def test_an_id_that_no_event_gave_is_refused(crew: Org, worker: InProcessWorker, tmp_path: Path) -> None:
    renumber(crew, worker, "a", "z")
    pack_id = ask(crew, worker, {"all": True}, include=["licences", "completions"])
    pack, about = fetched(crew, pack_id), crew.client().get(f"/v1/packs/{pack_id}").json()["head"]
    head = f"{about['sequence']}:{about['hash']}:{about['rootHash']}"
    names = {json.loads(pack.read(name))["partyId"]: name for name in pack.namelist() if name.startswith("people/")}
    theirs, nobody = json.loads(pack.read(names["c"])), json.loads(pack.read(names["b"]))
    unproved = json.loads(pack.read(names["z"]))
    forged = nobody | {key: theirs[key] for key in ("licences", "completions", "proofs")}
    forged["formerIds"] = [{"id": "c", "events": unproved["formerIds"][0]["events"]}]
    forged["proofs"] += [proof for proof in unproved["proofs"] if "party.renumbered" in proof["form"]]
    code, lines = judged(tmp_path, repacked(pack, {names["b"]: json.dumps(forged).encode()}, restate=True), head)
    assert (code, len(lines)) == (1, 2), lines
    assert all(line.startswith(f"{names['b']}: event ") and line.endswith(" is missing.") for line in lines)
    unproved["proofs"] = [proof for proof in unproved["proofs"] if "party.renumbered" not in proof["form"]]
    code, lines = judged(tmp_path, repacked(pack, {names["z"]: json.dumps(unproved).encode()}, restate=True), head)
    assert (code, len(lines)) == (1, 2), lines
