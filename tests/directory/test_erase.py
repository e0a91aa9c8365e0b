"""Erasing a party: its name and address are blanked; everything else and all history stay."""

import re
from dataclasses import replace

from api.app import create_app
from api.http.parts import Parts
from shared.access import Permission
from shared.tables import TRAINING
from tests.assignments.asking import assign, body, codes, pages
from tests.drain import InProcessWorker
from tests.factories import Org, count_statements
from tests.feed import recorded, subjects
from tests.jobs.ground import carry_out
from tests.traces import stored

SYNC = Permission.SYNC_DIRECTORY
JANE = {
    "entityId": "p-1",
    "displayName": "Jane Doe",
    "email": "jane@example.org",
    "memberId": "m-1",
    "folders": ["crew"],
}
OTHER = {"entityId": "p-2", "displayName": "John"}


def put(org: Org, **fields: object) -> None:
    answer = org.client(SYNC).put("/v1/parties", json={"parties": [JANE | fields]})
    assert answer.json()["failed"] == 0


def test_erasing_a_party_blanks_its_name_and_address_and_keeps_the_rest(org: Org) -> None:
    put(org)
    erased = org.client(Permission.ADMIN).post("/v1/parties/p-1/erase")
    assert erased.status_code == 200
    party = erased.json()
    assert (party["displayName"], party["email"]) == ("Erased party", None)
    assert (party["memberId"], party["language"], party["active"], party["folders"]) == (None, None, False, [])
    assert party["erasedAt"] == party["updatedAt"]
    assert org.client(SYNC).get("/v1/parties/p-1").json() == party
    with org.transaction() as db:
        stored = db.connection().exec_driver_sql("SELECT party::text FROM party WHERE id = 'p-1'").scalar_one()
    assert "Jane" not in stored
    assert "jane@" not in stored


def test_erasing_a_party_again_changes_nothing(org: Org) -> None:
    put(org)
    first = org.client(SYNC).post("/v1/parties/p-1/erase")
    assert org.client(SYNC).post("/v1/parties/p-1/erase").json() == first.json()
    [event] = recorded(org, "party.erased")
    assert (event.subject, event.party_id, event.data) == ("party/p-1", "p-1", {})


def test_a_source_that_still_sends_an_erased_party_changes_nothing(org: Org) -> None:
    put(org)
    erased = org.client(SYNC).post("/v1/parties/p-1/erase").json()
    facts = len(recorded(org))
    answer = org.client(SYNC).put("/v1/parties", json={"parties": [JANE | {"folders": ["new"]}, OTHER]}).json()
    assert (answer["created"], answer["erased"], answer["failed"], answer["foldersCreated"]) == (1, 1, 0, [])
    [warned] = answer["warnings"]
    assert (warned["row"], warned["entityId"], warned["code"]) == (1, "p-1", "erased")
    assert org.client(SYNC).get("/v1/parties/p-1").json() == erased
    assert [event.type for event in recorded(org)[facts:]] == ["party.created"]
    assert "Jane" not in str(answer)


def test_an_erased_party_comes_back_by_no_folder(org: Org) -> None:
    put(org)
    org.client(SYNC).post("/v1/parties/p-1/erase")
    org.client(SYNC).put("/v1/parties", json={"parties": [OTHER]})
    answer = org.client(SYNC).put("/v1/folders/crew", json={"name": "Crew", "partyIds": ["p-1", "p-2"]})
    assert (answer.status_code, answer.json()["partyCount"]) == (200, 1)
    assert org.client(SYNC).get("/v1/parties/p-1").json()["folders"] == []


def test_a_program_of_the_former_release_cannot_bring_an_erased_party_back(org: Org) -> None:
    put(org)
    erased = org.client(SYNC).post("/v1/parties/p-1/erase").json()
    with org.transaction() as db:
        db.connection().exec_driver_sql("""
            UPDATE party SET display_name = 'Jane Doe', email = 'jane@example.org', active = true, member_id = 'm-1',
                erased_at = NULL WHERE id = 'p-1'""")
    assert org.client(SYNC).get("/v1/parties/p-1").json() == erased


def test_an_erased_party_is_not_assigned(org: Org, worker: InProcessWorker) -> None:
    course_id = org.with_course()
    put(org)
    org.client(SYNC).post("/v1/parties/p-1/erase")
    job = assign(org, worker, body(course_id, "p-1"))
    assert codes(org, job) == {"p-1": "party-inactive"}


def test_an_erased_party_is_not_found_by_its_former_name(org: Org) -> None:
    put(org)
    client = org.client(SYNC)
    assert len(client.get("/v1/parties", params={"q": "doe"}).json()["items"]) == 1
    client.post("/v1/parties/p-1/erase")
    assert client.get("/v1/parties", params={"q": "doe"}).json()["items"] == []


def test_erasing_a_party_blanks_the_notes_of_its_records_and_no_others(org: Org, worker: InProcessWorker) -> None:
    """Also the one that a job has kept for its undo, which would write it back."""
    put(org)
    org.with_parties("p-2")
    assign(org, worker, body(org.with_course(licenceOn="completion"), "p-1", "p-2"))
    for one in pages(org.client(), "/v1/assignments"):
        note = f"Seen: {one['party']['entityId']}"
        org.client().post(f"/v1/assignments/{one['id']}/complete", json={"note": note})
    reopened = carry_out(org, worker, "/v1/assignments/reopen", {"filter": {}, "all": True, "reason": "By mistake"})
    for licence in pages(org.client(), "/v1/licences"):
        assert licence["state"] == "revoked"
    with org.transaction() as db:
        db.connection().exec_driver_sql("UPDATE licence SET note = 'Seen: ' || party_id")
    assert "Seen: p-1" in str(stored(org))
    for _ in range(2):
        assert org.client().post("/v1/parties/p-1/erase").status_code == 200
    assert "Seen: p-1" not in str(stored(org))
    carry_out(org, worker, f"/v1/jobs/{reopened['id']}/undo")
    notes = {one["party"]["entityId"]: one["completion"]["note"] for one in pages(org.client(), "/v1/assignments")}
    assert notes == {"p-1": None, "p-2": "Seen: p-2"}
    assert len([row for row in stored(org)["licence"] if "Seen: p-2" in row]) == 2


def test_erasing_again_blanks_a_note_that_was_left_since(org: Org, worker: InProcessWorker) -> None:
    put(org)
    assign(org, worker, body(org.with_course(), "p-1"))
    (one,) = pages(org.client(), "/v1/assignments")
    org.client().post("/v1/parties/p-1/erase")
    org.client().post(f"/v1/assignments/{one['id']}/complete", json={"note": "Jane was there"})
    org.client().post("/v1/parties/p-1/erase")
    assert "Jane" not in str(stored(org)["assignment"])
    assert subjects(org, "party.erased") == ["party/p-1"]


def test_erasing_in_a_deployment_without_training_reads_none_of_its_tables(org: Org, parts: Parts) -> None:
    put(org)
    bare = replace(parts, settings=parts.settings.model_copy(update={"features": frozenset()}))
    client = replace(org, app=create_app(bare), parts=bare).client()
    with count_statements(parts.database.engine) as statements:
        assert client.post("/v1/parties/p-1/erase").status_code == 200
    tables = {table.__tablename__ for table in TRAINING}
    assert not [sent for sent in statements.sent if tables & set(re.findall(r"\w+", sent))]


def test_erasing_needs_a_permission_and_a_token_for_the_whole_organization(org: Org, other_org: Org) -> None:
    put(org)
    address = "/v1/parties/p-1/erase"
    assert org.client(Permission.VIEW, Permission.MANAGE_ASSIGNMENTS).post(address).status_code == 403
    assert org.client(Permission.ADMIN, folders=["crew"]).post(address).status_code == 403
    assert other_org.client().post(address).status_code == 404
    assert subjects(org, "party.erased") == []
    assert org.client(Permission.ADMIN).post(address).status_code == 200
