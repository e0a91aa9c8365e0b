"""Merging: the history of a party moves to another one; of what can be there once, one stays."""

from typing import Any

import time_machine

from shared.access import Permission
from tests.assignments.asking import assign, body, pages
from tests.drain import InProcessWorker
from tests.factories import Org
from tests.feed import recorded
from tests.moving.moving import WHY, clerk, code, merge, reader, results, submit
from tests.records.importing import bring_in, record
from tests.sessions.sitting import add, amend, attend, complete, completed, held, roster, schedule


def by_party(org: Org, path: str) -> dict[str, list[Any]]:
    """The items of a list by party."""
    found: dict[str, list[Any]] = {}
    for item in pages(org.client(), path):
        found.setdefault(item["party"]["entityId"], []).append(item)
    return found


def test_the_history_moves_along_and_the_event_says_where_it_went(org: Org, worker: InProcessWorker) -> None:
    session_id = completed(org, worker, "old")
    org.with_parties("new")
    assign(org, worker, body(org.with_course(), "old"))
    job = merge(org, worker, "old", "new")
    assert code(org, job) == "merged"
    assert by_party(org, "/v1/assignments").keys() == {"new"}
    assert by_party(org, "/v1/licences").keys() == {"new"}
    assert roster(org, session_id).keys() == {"new"}
    (event,) = recorded(org, "party.merged")
    assert (event.subject, event.party_id, event.data["into"]) == ("party/old", "old", "new")
    assert event.data["reason"] == WHY


def test_events_keep_the_old_id_and_are_found_by_the_new_one(org: Org, worker: InProcessWorker) -> None:
    org.with_parties("old", "new")
    assign(org, worker, body(org.with_course(), "old"))
    merge(org, worker, "old", "new")
    for path in ("/v1/events", "/v1/audit/events"):
        found = org.client().get(path, params={"partyId": "new", "limit": 100}).json()["items"]
        told = [(one["type"], one["data"]["partyId"]) for one in found]
        assert ("assignment.created", "old") in told, path
        assert ("party.merged", "old") in told, path


def test_of_two_open_assignments_of_a_version_the_earlier_one_stays(org: Org, worker: InProcessWorker) -> None:
    course = org.with_course()
    org.with_parties("old", "new")
    with time_machine.travel("2026-04-01T08:00:00Z", tick=False) as time:
        assign(org, worker, body(course, "old"))
        time.move_to("2026-04-02T08:00:00Z")
        assign(org, worker, body(course, "new"))
        (first,) = by_party(org, "/v1/assignments")["old"]
        merge(org, worker, "old", "new")
        found = {one["id"]: one for one in by_party(org, "/v1/assignments")["new"]}
    assert len(found) == 2
    assert found[first["id"]]["state"] == "assigned"
    (other,) = [one for one in found.values() if one["id"] != first["id"]]
    assert (other["state"], other["closure"]["reason"]) == ("closed", WHY)
    (event,) = recorded(org, "assignment.closed")
    assert (event.party_id, event.data["mergedWith"]) == ("new", first["id"])


def test_of_two_licences_of_a_course_the_later_end_counts(org: Org, worker: InProcessWorker) -> None:
    org.with_parties("a", "b")
    course = org.with_course()
    days = {"a": "2099-06-30", "b": "2099-03-31"}
    bring_in(org, worker, [record(who, course, "2026-01-10", day) for who, day in days.items()])
    merge(org, worker, "a", "b")
    states = {one["expiresAt"][:10]: one["state"] for one in by_party(org, "/v1/licences")["b"]}
    assert states == {"2099-07-01": "active", "2099-04-01": "superseded"}
    (event,) = recorded(org, "licence.superseded")
    (counting,) = [one["id"] for one in by_party(org, "/v1/licences")["b"] if one["state"] == "active"]
    assert event.data["supersededBy"] == counting


def test_the_same_record_of_both_stays_once(org: Org, worker: InProcessWorker) -> None:
    org.with_parties("a", "b")
    course = org.with_course()
    bring_in(org, worker, [record(who, course, "2026-01-10", "2099-06-30", number="N-1") for who in ("a", "b")])
    merge(org, worker, "a", "b")
    found = by_party(org, "/v1/licences")["b"]
    assert sorted(str(one["state"]) for one in found) == ["active", "superseded"]
    again = bring_in(org, worker, [record("b", course, "2026-01-10", "2099-06-30", number="N-1")])
    assert again["counts"]["unchanged"] == 1


def test_of_two_licences_of_one_session_one_is_revoked(org: Org, worker: InProcessWorker) -> None:
    session_id = completed(org, worker, "a", "b")
    merge(org, worker, "a", "b")
    assert sorted(one.revoked_at is not None for one in held(org)["b"]) == [False, True]
    assert roster(org, session_id).keys() == {"b"}
    (event,) = recorded(org, "licence.revoked")
    assert event.party_id == "b"
    assert "mergedWith" in event.data


def test_of_two_places_on_a_roster_the_one_that_attended_stays(org: Org, worker: InProcessWorker) -> None:
    session_id = schedule(org)
    org.with_parties("a", "b")
    add(org, session_id, "a", "b")
    attend(org, session_id, "b", "absent")
    merge(org, worker, "a", "b")
    assert {who: one["attendance"] for who, one in roster(org, session_id).items()} == {"b": None}
    complete(org, worker, session_id)
    assert len(held(org)["b"]) == 1


def test_a_removed_place_gives_way_to_one_that_counts(org: Org, worker: InProcessWorker) -> None:
    session_id = completed(org, worker, "a", "b")
    amend(org, worker, session_id, remove=("b",))
    merge(org, worker, "a", "b")
    assert roster(org, session_id)["b"]["outcome"] == "licensed"
    assert sorted(one.revoked_at is not None for one in held(org)["b"]) == [False, True]


def test_the_party_that_stays_keeps_its_own_data_and_folders(org: Org, worker: InProcessWorker) -> None:
    org.with_parties("old", folder="deck")
    org.with_parties("new", folder="crew")
    merge(org, worker, "old", "new")
    stays = org.client().get("/v1/parties/new").json()
    assert (stays["displayName"], stays["folders"]) == ("Party new", ["crew"])


def test_a_preview_names_what_would_end_and_writes_nothing(org: Org, worker: InProcessWorker) -> None:
    org.with_parties("old", "new")
    assign(org, worker, body(org.with_course(), "old", "new"))
    before = recorded(org)
    answer = clerk(org).post("/v1/parties/old/merge/preview", json={"into": "new", "reason": WHY})
    found = answer.json()
    assert answer.status_code == 200, answer.text
    assert found["outcome"] == "merged"
    assert found["moved"] == {"assignments": 1, "licences": 0, "rosterEntries": 0}
    assert len(found["ended"]["assignments"]) == 1
    assert len(recorded(org)) == len(before)


def test_a_second_merge_of_a_party_fails_and_names_the_present_id(org: Org, worker: InProcessWorker) -> None:
    org.with_parties("a", "b", "c")
    jobs = [submit(org, "a", "merge", into=other) for other in ("b", "c")]
    for job in jobs:
        assert clerk(org, "member-2").post(f"/v1/jobs/{job['id']}/approve").status_code == 200
    worker.drain(org.id)
    assert [code(org, job) for job in jobs] == ["merged", "party-renumbered"]
    (told,) = results(org, jobs[1])
    assert "b" in told["detail"]


def test_a_chain_of_merges_leads_to_the_last_party(org: Org, worker: InProcessWorker) -> None:
    org.with_parties("a", "b", "c")
    merge(org, worker, "a", "b")
    merge(org, worker, "b", "c")
    answer = reader(org).get("/v1/parties/a")
    assert (answer.status_code, answer.json()["entityId"]) == (301, "c")
    types = {one["subject"] for one in org.client(Permission.READ_EVENTS).get("/v1/events?partyId=c").json()["items"]}
    assert {"party/a", "party/b", "party/c"} <= types


def test_a_caller_of_the_folder_of_one_party_does_not_read_the_id_of_the_other(
    org: Org, worker: InProcessWorker
) -> None:
    org.with_parties("a", folder="deck")
    org.with_parties("b", folder="drill-floor")
    job = submit(org, "a", "merge", into="b")
    inside = org.client(Permission.VIEW, folders=["deck"])
    assert inside.get(f"/v1/jobs/{job['id']}").json()["request"] == {}
    assert [one["request"] for one in inside.get("/v1/jobs").json()["items"]] == [{}]
