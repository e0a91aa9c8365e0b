"""Renumbering: a party gets another id; the former one leads to it, and is never given to anybody else."""

import pytest

from shared.access import Permission
from tests.assignments.asking import assign, body, codes, pages
from tests.drain import InProcessWorker
from tests.factories import Org
from tests.feed import recorded
from tests.moving.moving import WHY, clerk, merge, reader, renumber, submit
from tests.records.importing import bring_in, record, results
from tests.sessions.sitting import completed, problem, roster


@pytest.fixture
def moved(org: Org, worker: InProcessWorker) -> Org:
    """An organization whose party `old` has the id `new` by now, with a licence."""
    course = org.with_course(code="H2S")
    org.with_parties("old", folder="deck")
    bring_in(org, worker, [record("old", course, "2026-01-10", "2099-06-30")])
    renumber(org, worker, "old", "new")
    return org


def test_the_party_has_its_data_folders_and_history_under_the_new_id(org: Org, worker: InProcessWorker) -> None:
    session_id = completed(org, worker, "old")
    org.with_parties("old", folder="deck")
    renumber(org, worker, "old", "new")
    found = org.client().get("/v1/parties/new").json()
    assert (found["displayName"], found["folders"], found["active"]) == ("Party old", ["deck"], True)
    assert roster(org, session_id).keys() == {"new"}
    assert [one["party"]["entityId"] for one in pages(org.client(), "/v1/licences")] == ["new"]
    (event,) = recorded(org, "party.renumbered")
    assert (event.subject, event.party_id, event.data["entityId"]) == ("party/old", "old", "new")


@pytest.mark.parametrize(
    ("asked", "leads_to"),
    [
        ("/v1/parties/old", "/v1/parties/new"),
        ("/v1/assignments?partyId=old&state=assigned", "/v1/assignments?partyId=new&state=assigned"),
        ("/v1/licences?partyId=old", "/v1/licences?partyId=new"),
    ],
)
def test_the_former_id_answers_with_the_present_one(moved: Org, asked: str, leads_to: str) -> None:
    answer = reader(moved).get(asked)
    assert problem(answer) == (301, "party-renumbered")
    assert (answer.json()["entityId"], answer.headers["location"]) == ("new", leads_to)
    assert reader(moved).get(leads_to).status_code == 200


def test_a_post_to_the_former_id_names_the_present_one_and_does_nothing(moved: Org) -> None:
    client, before = clerk(moved), len(recorded(moved))
    for act, sent in (("merge", {"into": "new"}), ("renumber", {"entityId": "third"})):
        answer = client.post(f"/v1/parties/old/{act}", json=sent | {"reason": WHY})
        assert problem(answer) == (301, "party-renumbered")
        assert answer.headers["location"] == f"/v1/parties/new/{act}"
    assert problem(client.post("/v1/parties/old/erase")) == (301, "party-renumbered")
    assert len(recorded(moved)) == before


def test_the_licence_check_follows(moved: Org) -> None:
    client = moved.client(Permission.CHECK_LICENCES)
    client.follow_redirects = False
    course = moved.client().get("/v1/courses").json()["items"][0]["id"]
    answer = client.get("/v1/licences/check", params={"partyId": "old", "courseId": course})
    assert problem(answer) == (301, "party-renumbered")
    assert client.get(answer.headers["location"]).json()["licensed"] is True
    many = client.post("/v1/licences/check", json={"partyIds": ["old", "new", "none"], "courseIds": [course]}).json()
    told = [(one["partyId"], one["renumberedTo"], one["reason"]) for one in many["items"]]
    assert told == [("old", "new", "valid"), ("new", None, "valid"), ("none", None, "party-not-found")]


def test_the_page_of_the_former_id_leads_to_the_present_one(moved: Org) -> None:
    answer = moved.visitor().get("/parties/old")
    assert (answer.status_code, answer.headers["location"]) == (301, "/parties/new")


def test_outside_the_callers_folders_a_former_id_does_not_exist(moved: Org) -> None:
    client = moved.client(Permission.VIEW, Permission.CHECK_LICENCES, folders=["crew"])
    assert client.get("/v1/parties/old").json() == client.get("/v1/parties/nobody").json()
    course = moved.client().get("/v1/courses").json()["items"][0]["id"]
    assert client.get("/v1/licences/check", params={"partyId": "old", "courseId": course}).status_code == 404


def test_a_file_that_names_the_former_id_is_told_the_present_one(moved: Org) -> None:
    rows = [{"entityId": who, "displayName": who} for who in ("old", "else")]
    answer = clerk(moved).put("/v1/parties", json={"parties": rows}).json()
    assert (answer["created"], answer["failed"]) == (1, 1)
    (bad,) = answer["errors"]
    assert (bad["row"], bad["pointer"], bad["entityId"]) == (1, "/entityId", "old")
    assert "its id is new now" in bad["detail"]
    folder = clerk(moved).put("/v1/folders/deck", json={"name": "Deck", "partyIds": ["old"]})
    assert problem(folder) == (422, "invalid-input")
    assert "new" in folder.json()["errors"][0]["detail"]
    assert reader(moved).get("/v1/parties/old").status_code == 301


def test_a_record_and_an_assignment_for_the_former_id_name_the_present_one(moved: Org, worker: InProcessWorker) -> None:
    course = moved.client().get("/v1/courses").json()["items"][0]["id"]
    imported = bring_in(moved, worker, [record("old", course, "2026-02-10", "2099-06-30")])
    (row,) = results(moved, imported).values()
    assert row["code"] == "party-renumbered"
    assert "new" in row["detail"]
    assert codes(moved, assign(moved, worker, body(course, "old"))) == {"old": "party-renumbered"}


def test_what_names_an_id_of_long_ago_is_told_the_end_of_the_chain(moved: Org, worker: InProcessWorker) -> None:
    renumber(moved, worker, "new", "newest")
    course = moved.client().get("/v1/courses").json()["items"][0]["id"]
    imported = bring_in(moved, worker, [record(who, course, "2026-02-10", "2099-06-30") for who in ("old", "none")])
    told = {one["code"]: one["detail"] for one in results(moved, imported).values()}
    assert told["party-renumbered"] == "Its id is newest now; name that one."
    assert told.keys() == {"party-renumbered", "party-not-found"}


def test_a_former_id_is_never_given_to_somebody_else(moved: Org, worker: InProcessWorker) -> None:
    moved.with_parties("third")
    answer = clerk(moved).post("/v1/parties/third/renumber", json={"entityId": "old", "reason": WHY})
    assert problem(answer) == (422, "invalid-input")
    moved.with_parties("old")  # as a process of the former release would
    assert reader(moved).get("/v1/parties/old").status_code == 301


def test_a_party_may_take_its_own_former_id_again(moved: Org, worker: InProcessWorker) -> None:
    renumber(moved, worker, "new", "old")
    assert reader(moved).get("/v1/parties/old").status_code == 200
    assert reader(moved).get("/v1/parties/new").json()["entityId"] == "old"
    found = moved.client().get("/v1/events?partyId=old&limit=100").json()["items"]
    assert {one["data"]["partyId"] for one in found if "partyId" in one["data"]} == {"old", "new"}
    merge_target = clerk(moved).post("/v1/parties/old/merge", json={"into": "new", "reason": WHY})
    assert problem(merge_target) == (422, "invalid-input")


def test_an_id_that_was_taken_meanwhile_fails_the_job(org: Org, worker: InProcessWorker) -> None:
    org.with_parties("old")
    job = submit(org, "old", "renumber", entityId="new")
    org.with_parties("new")
    refused = clerk(org, "member-2").post(f"/v1/jobs/{job['id']}/approve")
    assert problem(refused) == (422, "invalid-input")


def test_the_links_of_a_merged_party_die(org: Org, worker: InProcessWorker) -> None:
    org.with_parties("old", "new")
    assign(org, worker, body(org.with_course(), "old"))
    (item,) = org.client().get("/v1/assignments").json()["items"]
    minted = org.client().post(f"/v1/assignments/{item['id']}/session-link").json()["url"]
    address = minted.removeprefix(org.parts.settings.public_url)
    assert org.client().get(address).status_code == 200
    merge(org, worker, "old", "new")
    assert org.client().get(address).status_code == 410


def test_the_transcript_of_a_caller_whose_id_is_a_former_one_is_no_redirect_to_itself(moved: Org) -> None:
    mine = moved.client(Permission.VIEW, party="old")
    assert problem(mine.get("/v1/me/transcript", follow_redirects=False)) == (404, "not-found")


@pytest.mark.parametrize("act", ["merge", "renumber"])
def test_what_became_of_a_party_before_the_approval_is_a_fault_of_the_request(
    org: Org, worker: InProcessWorker, act: str
) -> None:
    wish = {"into": "b"} if act == "merge" else {"entityId": "c"}
    org.with_parties("a", "b")
    first, second = (submit(org, "a", act, **wish) for _ in range(2))
    org.client().post("/v1/parties/b/erase")
    if act == "merge":
        assert problem(clerk(org, "member-2").post(f"/v1/jobs/{first['id']}/approve")) == (422, "invalid-input")
    renumber(org, worker, "a", "z")
    refused = clerk(org, "member-2").post(f"/v1/jobs/{second['id']}/approve", follow_redirects=False)
    assert problem(refused) == (422, "invalid-input")
    assert refused.json()["errors"][0]["pointer"] == "/partyId"
