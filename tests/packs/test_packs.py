"""Packs: what they say, what an outsider finds in them, and who may make and fetch them."""

import csv
import io
import json
import zipfile
from datetime import timedelta
from hashlib import sha256
from typing import Any

import pytest

from shared import clock
from shared.access import Permission
from tests.assignments.asking import assign, body, read_job
from tests.drain import InProcessWorker
from tests.factories import Org
from tests.packs.asking import ask, complete


def fetched(org: Org, pack_id: str, client: Any = None) -> zipfile.ZipFile:
    answer = (client or org.client()).get(f"/v1/packs/{pack_id}/file")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/zip"), answer.text
    assert answer.headers["content-disposition"].startswith("attachment; ")
    return zipfile.ZipFile(io.BytesIO(answer.content))


def table(pack: zipfile.ZipFile, name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(pack.read(name).decode())))


def types(org: Org) -> list[str]:
    items = org.client().get("/v1/audit/events", params={"limit": 500, "order": "desc"}).json()["items"]
    return [item["type"] for item in items if item["type"].startswith("pack.")]


@pytest.fixture
def crew(org: Org, worker: InProcessWorker) -> Org:
    """Returns an organization where three parties completed a course; the licence of the second was revoked."""
    course = org.with_course(licenceOn="completion", licenceMonths=12)
    org.with_parties("crew-1", "crew-2", "CON:1", folder="crew")
    org.with_parties("other", folder="office")
    assign(org, worker, body(course, "crew-1", "crew-2", "CON:1", "other"))
    complete(org, worker, course)
    licence = org.client().get("/v1/licences", params={"partyId": "crew-2"}).json()["items"][0]
    revoked = org.client().post(f"/v1/licences/{licence['id']}/revoke", json={"reason": "Forged"})
    assert revoked.status_code == 200
    return org


def test_a_pack_says_what_held_with_a_proof_of_each_event(crew: Org, worker: InProcessWorker) -> None:
    pack_id = ask(crew, worker, {"folderIds": ["crew"]}, include=["licences", "completions"])
    pack = fetched(crew, pack_id)
    assert sorted(pack.namelist()) == [
        "README.txt",
        "completions.csv",
        "licences.csv",
        "manifest.json",
        "people.csv",
        "people/0001.json",
        "people/0002.json",
        "people/0003.json",
    ]
    held = {row["partyId"]: (row["licensed"], row["reason"]) for row in table(pack, "licences.csv")}
    assert held == {"CON:1": ("true", "valid"), "crew-1": ("true", "valid"), "crew-2": ("false", "revoked")}
    assert [row["number"] for row in table(pack, "people.csv")] == ["1", "2", "3"]
    second = json.loads(pack.read("people/0003.json"))
    assert [told["type"] for told in second["licences"][0]["events"]] == ["licence.granted", "licence.revoked"]
    assert len(second["proofs"]) == 3
    manifest = json.loads(pack.read("manifest.json"))
    for file in manifest["files"]:
        assert (sha256(pack.read(file["name"])).hexdigest(), len(pack.read(file["name"]))) == (
            file["sha256"],
            file["size"],
        )
    told = crew.client().get(f"/v1/packs/{pack_id}").json()
    assert told["manifestHash"] == sha256(pack.read("manifest.json")).hexdigest()
    assert told["head"] == manifest["head"]
    assert types(crew) == ["pack.fetched", "pack.made"]


def test_the_same_pack_is_the_same_file(crew: Org, worker: InProcessWorker) -> None:
    pack_id = ask(crew, worker, {"all": True})
    first, second = (crew.client().get(f"/v1/packs/{pack_id}/file").content for _ in range(2))
    assert first == second
    assert types(crew) == ["pack.fetched", "pack.fetched", "pack.made"]


def test_a_pack_of_a_former_day_says_what_held_then(crew: Org, worker: InProcessWorker) -> None:
    course = crew.client().get("/v1/courses").json()["items"][0]["id"]
    yesterday = (clock.now() - timedelta(days=1)).date().isoformat()
    pack = fetched(crew, ask(crew, worker, {"partyIds": ["crew-1"], "courseIds": [course]}, on=yesterday))
    assert [(row["licensed"], row["reason"]) for row in table(pack, "licences.csv")] == [("false", "never-licensed")]


def test_cells_are_defused(org: Org, worker: InProcessWorker) -> None:
    org.client().put("/v1/parties", json={"parties": [{"entityId": "p", "displayName": "=HYPERLINK(1)"}]})
    pack = fetched(org, ask(org, worker, {"partyIds": ["p"]}))
    assert table(pack, "people.csv")[0]["displayName"] == "'=HYPERLINK(1)"


def test_a_pack_is_made_and_fetched_with_the_scope_of_who_asks(crew: Org, worker: InProcessWorker) -> None:
    mine = crew.client(Permission.ADMIN, Permission.VIEW, folders=["crew"])
    asked = {"filter": {"partyIds": ["other"]}, "on": "2026-01-01"}
    refused = mine.post("/v1/packs", json=asked)
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/filter/partyIds/0")
    ours = ask(crew, worker, {"all": True}, mine)
    assert [row["partyId"] for row in table(fetched(crew, ours, mine), "people.csv")] == ["CON:1", "crew-1", "crew-2"]
    everybody = ask(crew, worker, {"all": True})
    assert mine.get(f"/v1/packs/{everybody}").status_code == 404
    assert mine.get(f"/v1/packs/{everybody}/file").status_code == 404
    assert [item["id"] for item in mine.get("/v1/packs").json()["items"]] == [ours]
    others = crew.client(Permission.VIEW, Permission.MANAGE_ASSIGNMENTS)
    assert {others.post("/v1/packs", json=asked).status_code, others.get("/v1/packs").status_code} == {403}


def test_a_repeated_request_is_one_pack(crew: Org, worker: InProcessWorker) -> None:
    asked = {"filter": {"all": True}, "on": "2026-01-01"}
    answers = [crew.client().post("/v1/packs", json=asked, headers={"Idempotency-Key": "k"}) for _ in range(2)]
    assert answers[0].json()["id"] == answers[1].json()["id"]
    assert len(crew.client().get("/v1/packs").json()["items"]) == 1


def test_a_preview_counts_and_writes_nothing(crew: Org) -> None:
    asked = {"filter": {"folderIds": ["crew"]}, "on": clock.now().date().isoformat()}
    shown = crew.client().post("/v1/packs/preview", json=asked)
    assert shown.json() == {"people": 3, "licences": 3, "completions": 3, "examples": ["CON:1", "crew-1", "crew-2"]}
    assert crew.client().get("/v1/packs").json()["items"] == []


@pytest.mark.parametrize(
    ("change", "pointer", "sentence"),
    [
        ({"filter": {}}, "/filter", "all: true"),
        ({"filter": {"all": True, "partyIds": ["crew-1"]}}, "/filter", "all: true"),
        ({"filter": {"folderIds": ["nowhere"]}}, "/filter/folderIds/0", "no such folder"),
        ({"filter": {"partyIds": ["crew-1", "nobody"]}}, "/filter/partyIds/1", "no such party"),
        ({"on": "2999-01-01"}, "/on", "future"),
        ({"include": []}, "/include", ""),
        ({"include": ["secrets"]}, "/include/0", ""),
    ],
)
def test_bad_requests_are_named(crew: Org, change: dict[str, Any], pointer: str, sentence: str) -> None:
    asked = {"filter": {"all": True}, "on": "2026-01-01"} | change
    for address in ("/v1/packs", "/v1/packs/preview"):
        answer = crew.client().post(address, json=asked)
        assert answer.status_code == 422, answer.text
        assert answer.json()["errors"][0]["pointer"].startswith(pointer)
        assert sentence in answer.json()["errors"][0]["detail"]


def test_a_pack_of_more_than_its_limit_says_how_to_cut_it(crew: Org, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = {"filter": {"all": True}, "on": clock.now().date().isoformat()}
    monkeypatch.setattr("shared.services.packs.MOST_PEOPLE", 3)
    assert "one pack a folder" in crew.client().post("/v1/packs", json=asked).json()["detail"]
    monkeypatch.setattr("shared.services.packs.MOST_PEOPLE", 1000)
    monkeypatch.setattr("shared.services.packs.MOST_RECORDS", 5)
    assert "courseIds" in crew.client().post("/v1/packs", json=asked).json()["detail"]


def test_erasing_a_party_deletes_the_packs_that_hold_it(crew: Org, worker: InProcessWorker) -> None:
    gone, stays = ask(crew, worker, {"folderIds": ["crew"]}), ask(crew, worker, {"partyIds": ["other"]})
    assert crew.client().post("/v1/parties/crew-1/erase").status_code == 200
    assert crew.client().get(f"/v1/packs/{gone}/file").status_code == 404
    assert crew.client().get(f"/v1/packs/{stays}/file").status_code == 200
    assert types(crew)[:2] == ["pack.fetched", "pack.deleted"]


def test_a_party_that_is_erased_while_its_pack_is_made_stands_in_none(crew: Org, worker: InProcessWorker) -> None:
    asked = {"filter": {"folderIds": ["crew"]}, "on": "2026-01-01"}
    job = crew.client().post("/v1/packs", json=asked).json()
    assert crew.client().post("/v1/parties/crew-1/erase").status_code == 200
    worker.drain(crew.id)
    counts = read_job(crew, job)["counts"]
    assert (counts["succeeded"], counts["failed"]) == (0, 3)
    assert crew.client().get("/v1/packs").json()["items"] == []


def test_packs_are_kept_for_seven_days(crew: Org, worker: InProcessWorker, monkeypatch: pytest.MonkeyPatch) -> None:
    pack_id = ask(crew, worker, {"all": True})
    now = clock.now
    monkeypatch.setattr("shared.clock.now", lambda: now() + timedelta(days=6, hours=23))
    worker.deliver("packs.purge")
    assert crew.client().get(f"/v1/packs/{pack_id}").status_code == 200
    monkeypatch.setattr("shared.clock.now", lambda: now() + timedelta(days=7, minutes=1))
    assert crew.client().get(f"/v1/packs/{pack_id}").status_code == 404
    worker.deliver("packs.purge")
    assert types(crew)[0] == "pack.deleted"


def test_a_pack_that_is_not_made_yet_and_one_that_was_cancelled(crew: Org, worker: InProcessWorker) -> None:
    job = crew.client().post("/v1/packs", json={"filter": {"all": True}, "on": "2026-01-01"}).json()
    pack = f"/v1/packs/{job['request']['packId']}"
    early = crew.client().get(f"{pack}/file")
    assert (early.status_code, early.json()["type"]) == (409, "urn:rollcall:problem:pack-not-ready")
    assert crew.client().post(f"/v1/jobs/{job['id']}/cancel").status_code == 200
    worker.drain(crew.id)
    assert crew.client().get(pack).status_code == 404
