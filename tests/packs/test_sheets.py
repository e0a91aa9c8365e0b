"""The pack on paper: the sheets of its people and its summary say what its files say, in few bytes and statements."""

import csv
import io
import json
import zipfile
from typing import Any

import pytest
from sqlalchemy import func, select

from shared import access, clock
from shared.directory import Party
from shared.jobs import JobChunk
from shared.packs import Pack, people_of
from shared.services.pack_facts import asked_of, gather
from shared.services.pack_sheets import sheets_of
from tests.assignments.asking import assign, body, parties
from tests.drain import InProcessWorker
from tests.factories import Org, count_statements
from tests.packs.asking import ask, complete
from tests.papers.reading import Paper, read_bytes


@pytest.fixture
def crew(org: Org, worker: InProcessWorker) -> Org:
    """Returns an organization where the licences of two parties were corrected, and that of the second was revoked."""
    course = org.with_course(title="Working at height", licenceOn="completion", licenceMonths=12)
    org.with_parties("crew-1", "crew-2", "crew-3", folder="crew")
    row = {"entityId": "crew-2", "displayName": "Kari Nordmann", "language": "nb"}
    assert org.client().put("/v1/parties", json={"parties": [row]}).status_code == 200
    assign(org, worker, body(course, "crew-1", "crew-2"))
    complete(org, worker, course)
    changes = {"expiresAt": "2031-07-01T00:00:00Z", "reason": "Typing error"}
    for party in ("crew-1", "crew-2"):
        licence = org.client().get("/v1/licences", params={"partyId": party}).json()["items"][0]["id"]
        assert org.client(member="hse-1").patch(f"/v1/licences/{licence}", json=changes).status_code == 200
    assert org.client().post(f"/v1/licences/{licence}/revoke", json={"reason": "Forged"}).status_code == 200
    return org


def made(org: Org, worker: InProcessWorker, **fields: Any) -> zipfile.ZipFile:
    pack_id = ask(org, worker, {"all": True}, **fields)
    return zipfile.ZipFile(io.BytesIO(org.client().get(f"/v1/packs/{pack_id}/file").content))


def paper(pack: zipfile.ZipFile, name: str) -> tuple[Paper, str]:
    """Returns a paper of the pack, and its text as one line."""
    found = read_bytes(pack.read(name))
    return found, " ".join(found.text.split())


def test_a_sheet_says_what_the_persons_file_says(crew: Org, worker: InProcessWorker) -> None:
    pack = made(crew, worker)
    sheet, text = paper(pack, "sheets/0001.pdf")
    file = json.loads(pack.read("people/0001.json"))
    numbers = [str(event["sequence"]) for event in file["licences"][0]["events"]]
    head = json.loads(pack.read("manifest.json"))["head"]
    for said in (
        "Party crew-1",
        "Number crew-1 · Sheet 1 · As of the end of",
        "Working at height",
        "Valid from",
        "In force",
        "hse-1 corrected the end from",
        "member-1 recorded it on the person's behalf.",
        f"Events in the audit log: {', '.join(numbers)}.",
        "people/0001.json in the same pack says the same",
        f"{head['sequence']}:{head['hash']}:",
        head["rootHash"],
    ):
        assert said in text
    assert (sheet.tagged, sheet.language, "pdfuaid" in sheet.standards) == (True, "en", True)
    assert sheet.title == "Sheet of a pack - Party crew-1"
    assert "There was no licence." in paper(pack, "sheets/0003.pdf")[1]


def test_a_sheet_has_corrections_in_sentences_of_its_persons_language(crew: Org, worker: InProcessWorker) -> None:
    sheet, text = paper(made(crew, worker), "sheets/0002.pdf")
    assert (sheet.language, "Ark i en bevispakke" in text, "Kari Nordmann" in text) == ("nb", True, True)
    assert "rettet hse-1 utløpet" in text
    assert "Begrunnelse: Typing error" in text
    assert "tilbakekalte" in text
    assert "Ikke gyldig" in text


def test_the_summary_counts_what_the_files_say(crew: Org, worker: InProcessWorker) -> None:
    pack = made(crew, worker)
    summary, text = paper(pack, "summary.pdf")
    rows = list(csv.DictReader(io.StringIO(pack.read("licences.csv").decode())))
    assert [row["licensed"] for row in rows] == ["true", "false"]
    assert "Working at height" in text
    (code,) = {row["courseCode"] for row in rows}
    assert f"{code} 1 1 " in text
    for line in ("0001 Party crew-1, crew-1 (1)", "0002 Kari Nordmann, crew-2 (0)", "0003 Party crew-3, crew-3 (0)"):
        assert line in text
    assert (summary.tagged, summary.language) == (True, "en")
    assert json.loads(pack.read("manifest.json"))["head"]["rootHash"] in text


def test_sheets_can_be_left_out_and_hold_what_is_in_the_pack(crew: Org, worker: InProcessWorker) -> None:
    without = made(crew, worker, include=["licences", "completions"])
    assert not [name for name in without.namelist() if name.endswith(".pdf")]
    assert "sheets/" not in without.read("README.txt").decode()
    alone = made(crew, worker, include=["sheets"])
    assert "licences.csv" not in alone.namelist()
    readme = alone.read("README.txt").decode()
    assert ("sheets/" in readme, "licences.csv" in readme) == (True, False)
    text = paper(alone, "sheets/0001.pdf")[1]
    assert ("Licences as known on" in text, "Completed training" in text) == (True, False)


def test_a_sheet_without_room_for_everything_says_so(
    crew: Org, worker: InProcessWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    course = crew.with_course(title="Confined spaces", licenceOn="completion", licenceMonths=12)
    assign(crew, worker, body(course, "crew-1"))
    complete(crew, worker, course)
    monkeypatch.setattr("shared.services.pack_sheets.MOST_ROWS", 1)
    monkeypatch.setattr("shared.services.pack_sheets.MOST_CORRECTIONS", 1)
    pack = made(crew, worker)
    text = paper(pack, "sheets/0001.pdf")[1]
    assert text.count("Only 1 of 2 are printed here. people/0001.json has all of them;") == 3
    assert "Tidligere rettelser: 1." in paper(pack, "sheets/0002.pdf")[1]
    assert len(json.loads(pack.read("people/0001.json"))["licences"]) == 2


def test_the_same_facts_give_the_same_bytes_in_statements_that_do_not_grow(crew: Org, worker: InProcessWorker) -> None:
    pack_id = ask(crew, worker, {"all": True})
    with crew.transaction() as db:
        organization = access.get_organization(db)
        pack = db.scalars(select(Pack)).one()
        asked = asked_of(clock.now().date(), organization.time_zone, (), pack.tree_size)
        facts = gather(db, people_of(db, pack.id, select(Party.id)), asked, completions=True)
        first = sheets_of(db, facts, pack, organization)
        with count_statements(crew.parts.database.engine) as counted:
            second = sheets_of(db, facts, pack, organization)
    assert first == second
    assert counted.count == 2, "one for each language"
    stored = zipfile.ZipFile(io.BytesIO(crew.client().get(f"/v1/packs/{pack_id}/file").content))
    assert {name: stored.read(name) for name, _ in first} == {name: content for (name, _), content in first.items()}


def test_a_chunk_has_at_most_fifty_people(org: Org, worker: InProcessWorker) -> None:
    org.with_parties(*parties(120), folder="crew")
    asked = {"filter": {"all": True}, "on": clock.now().date().isoformat(), "include": ["licences"]}
    assert org.client().post("/v1/packs", json=asked).status_code == 202
    with org.transaction() as db:
        sizes = list(db.scalars(select(func.cardinality(JobChunk.recipients)).order_by(JobChunk.n)))
    assert sizes == [50, 50, 20]
    worker.drain(org.id)
