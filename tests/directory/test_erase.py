"""Erasing a party: its name and address are blanked; everything else and all history stay."""

from shared.access import Permission
from tests.assignments.asking import assign, body, codes
from tests.drain import InProcessWorker
from tests.factories import Org
from tests.feed import recorded, subjects

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


def test_erasing_needs_a_permission_and_a_token_for_the_whole_organization(org: Org, other_org: Org) -> None:
    put(org)
    address = "/v1/parties/p-1/erase"
    assert org.client(Permission.VIEW, Permission.MANAGE_ASSIGNMENTS).post(address).status_code == 403
    assert org.client(Permission.ADMIN, folders=["crew"]).post(address).status_code == 403
    assert other_org.client().post(address).status_code == 404
    assert subjects(org, "party.erased") == []
    assert org.client(Permission.ADMIN).post(address).status_code == 200
