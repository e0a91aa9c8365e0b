"""Rosters before completion: adding parties within the capacity, each refusal with a reason, and attendance."""

import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy.orm import Session

from shared import clock, sessions
from shared.access import Permission
from shared.events import Actor
from tests.assignments.asking import deactivate, pages, parties, recipients
from tests.factories import Org
from tests.feed import recorded, subjects
from tests.racing import blocked
from tests.sessions.sitting import add, attend, outcomes, pointers, problem, read, roster, schedule


def refusals(done: dict[str, list[dict[str, str]]]) -> dict[str, str]:
    return {one["entityId"]: one["code"] for one in done["refused"]}


def test_a_party_is_added_once_with_one_event(org: Org) -> None:
    org.with_parties("party-1", "party-2", folder="crew")
    session_id = schedule(org)
    done = add(org, session_id, "party-1", "party-1", folderIds=["crew"])
    assert done == {"added": 2, "alreadyThere": 0, "refused": []}
    assert add(org, session_id, "party-2") == {"added": 0, "alreadyThere": 1, "refused": []}
    told = recorded(org, "session.roster_added")
    assert [(event.subject, event.party_id) for event in told] == [
        (f"session/{session_id}", "party-1"),
        (f"session/{session_id}", "party-2"),
    ]
    assert outcomes(org, session_id) == {"party-1": None, "party-2": None}
    assert read(org, session_id)["rosterSize"] == 2


def test_a_refused_party_has_a_code(org: Org) -> None:
    org.with_parties("mine", "idle", folder="mine")
    org.with_parties("theirs", folder="theirs")
    deactivate(org, "idle")
    org.client().put("/v1/folders/mine", json={"name": "Mine", "partyIds": ["mine", "idle"]})
    session_id = schedule(org)
    client = org.client(folders=["mine"])
    done = add(org, session_id, "unknown", "theirs", "idle", "mine", client=client)
    assert done["added"] == 1
    assert refusals(done) == {"unknown": "party-not-found", "theirs": "party-not-found", "idle": "party-inactive"}
    assert all(one["detail"].endswith(".") for one in done["refused"])
    assert set(roster(org, session_id)) == {"mine"}


def test_named_parties_are_added_before_the_members_of_folders(org: Org) -> None:
    org.with_parties("a", "b", "c", "z", folder="crew")
    session_id = schedule(org, capacity=3)
    done = add(org, session_id, "z", "unknown", "c", folderIds=["crew"])
    assert refusals(done) == {"unknown": "party-not-found", "b": "capacity-exceeded"}
    assert set(roster(org, session_id)) == {"z", "c", "a"}
    assert refusals(add(org, session_id, "a", "b")) == {"b": "capacity-exceeded"}
    org.client().delete(f"/v1/sessions/{session_id}/roster/z")
    assert add(org, session_id, "b")["added"] == 1


def test_the_second_of_two_additions_at_once_gets_only_the_remaining_capacity(org: Org) -> None:
    org.with_parties("party-1", "party-2")
    session_id = schedule(org, capacity=1)

    def act(db: Session, party_id: str) -> sessions.Addition:
        return sessions.add_to_roster(
            db,
            uuid.UUID(session_id),
            party_ids=[party_id],
            folder_ids=[],
            scope=None,
            actor=Actor("member", "member-1"),
            now=clock.now(),
        )

    with org.transaction() as db:
        assert act(db, "party-1").added == 1
        with blocked(org, lambda other: act(other, "party-2")) as second:
            db.commit()
            assert second.result(5).refused == [("party-2", "capacity-exceeded")]
    assert set(roster(org, session_id)) == {"party-1"}


def test_twenty_additions_at_once_do_not_exceed_the_capacity(org: Org) -> None:
    org.with_parties(*parties(60))
    session_id = schedule(org, capacity=25)
    with ThreadPoolExecutor(10) as pool:
        done = list(pool.map(lambda n: add(org, session_id, *parties(3, first=3 * n)), range(20)))
    assert (sum(one["added"] for one in done), sum(len(one["refused"]) for one in done)) == (25, 35)
    assert len(roster(org, session_id)) == 25


def test_thousands_are_added_by_one_request(org: Org) -> None:
    org.with_parties(*parties(3000), folder="crew")
    session_id = schedule(org)
    unknown = [f"unknown-{n}" for n in range(2000)]
    done = add(org, session_id, *unknown, *parties(1000), folderIds=["crew"])
    assert (done["added"], len(done["refused"])) == (3000, 2000)
    assert [one["entityId"] for one in done["refused"]] == unknown
    assert len(subjects(org, "session.roster_added")) == 3000


def test_a_party_is_removed_from_the_roster(org: Org) -> None:
    org.with_parties("party-1", "party-2")
    session_id = schedule(org)
    add(org, session_id, "party-1", "party-2")
    path = f"/v1/sessions/{session_id}/roster/party-1"
    assert org.client().delete(path).status_code == 204
    assert problem(org.client().delete(path)) == (404, "not-found")
    assert set(roster(org, session_id)) == {"party-2"}
    assert [event.party_id for event in recorded(org, "session.roster_removed")] == ["party-1"]


def test_a_change_of_attendance_records_the_former_value(org: Org) -> None:
    org.with_parties("party-1")
    session_id = schedule(org)
    add(org, session_id, "party-1")
    assert roster(org, session_id)["party-1"]["attendance"] is None
    assert read(org, session_id)["unrecorded"] == 1
    for attendance in ("excused", "excused", "absent"):
        attend(org, session_id, "party-1", attendance)
    told = [(event.data["attendance"], event.data["former"]) for event in recorded(org, "session.attendance_recorded")]
    assert told == [("excused", {"attendance": "attended"}), ("absent", {"attendance": "excused"})]
    client = org.client()
    assert pointers(client.put(f"/v1/sessions/{session_id}/roster/party-1", json={"attendance": "late"})) == [
        "/attendance"
    ]
    absent = client.put(f"/v1/sessions/{session_id}/roster/party-2", json={"attendance": "absent"})
    assert problem(absent) == (404, "not-found")


def test_a_caller_sees_and_changes_only_parties_within_its_folders(org: Org) -> None:
    org.with_parties("mine", folder="mine")
    org.with_parties("theirs", folder="theirs")
    session_id = schedule(org)
    add(org, session_id, "mine", "theirs")
    client = org.client(folders=["mine"])
    assert set(roster(org, session_id, client)) == {"mine"}
    assert client.get(f"/v1/sessions/{session_id}").json()["rosterSize"] == 1
    path = f"/v1/sessions/{session_id}/roster/theirs"
    assert problem(client.delete(path)) == (404, "not-found")
    assert problem(client.put(path, json={"attendance": "absent"})) == (404, "not-found")
    answer = client.post(f"/v1/sessions/{session_id}/roster", json={"folderIds": ["mine", "theirs"]})
    assert pointers(answer) == ["/folderIds/1"]
    assert [one["id"] for one in pages(client, "/v1/sessions", partyId="mine")] == [session_id]
    assert pages(client, "/v1/sessions", partyId="theirs") == []


def test_pages_and_csv_of_a_roster_have_each_party_once(org: Org) -> None:
    org.with_parties(*parties(5))
    session_id = schedule(org)
    add(org, session_id, *parties(5))
    path = f"/v1/sessions/{session_id}/roster"
    assert [one["entityId"] for one in pages(org.client(), path, limit=2)] == parties(5)
    lines = org.client().get(path, headers={"Accept": "text/csv"}).text.splitlines()
    assert lines[0] == "entityId,displayName,attendance,outcome,licenceId,addedAt,amendedAt"
    assert [line.split(",")[0] for line in lines[1:]] == parties(5)


def test_an_addition_without_parties_is_refused(org: Org) -> None:
    session_id = schedule(org)
    client, path = org.client(), f"/v1/sessions/{session_id}/roster"
    assert pointers(client.post(path, json={})) == [""]
    assert pointers(client.post(path, json={"recipients": [{"entityType": "member", "entityId": "x"}]})) == [
        "/recipients/0/entityType"
    ]
    assert pointers(client.post(path, json={"folderIds": ["nowhere"]})) == ["/folderIds/0"]


def test_a_cancelled_session_has_a_frozen_roster_and_is_not_completed(org: Org) -> None:
    org.with_parties("party-1")
    session_id = schedule(org)
    add(org, session_id, "party-1")
    org.client().post(f"/v1/sessions/{session_id}/cancel", json={"reason": "Storm"})
    answer = org.client().post(f"/v1/sessions/{session_id}/roster", json={"recipients": recipients("party-1")})
    assert problem(answer) == (409, "session-cancelled")
    assert problem(org.client().post(f"/v1/sessions/{session_id}/complete")) == (409, "session-cancelled")


@pytest.mark.parametrize("permission", [Permission.VIEW, Permission.ASSIGN])
def test_only_staff_change_a_session_and_its_roster(org: Org, permission: Permission) -> None:
    session_id = schedule(org)
    client, path = org.client(permission), f"/v1/sessions/{session_id}"
    answers = [
        client.post("/v1/sessions", json={}),
        client.patch(path, json={"capacity": 3}),
        client.post(f"{path}/cancel", json={"reason": "x"}),
        client.post(f"{path}/complete"),
        client.post(f"{path}/amend", json={"add": recipients("a"), "reason": "x"}),
        client.post(f"{path}/roster", json={"recipients": recipients("a")}),
        client.put(f"{path}/roster/a", json={"attendance": "absent"}),
        client.delete(f"{path}/roster/a"),
    ]
    assert {answer.status_code for answer in answers} == {403}
    assert client.get(path).status_code == (200 if permission is Permission.VIEW else 403)
