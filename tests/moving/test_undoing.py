"""The way back: within 14 days what was moved goes back, except for what was changed since."""

import uuid

import time_machine
from sqlalchemy import text

from shared import clock, directory, invariants
from shared.directory import Move
from shared.directory.models import ScimUser
from shared.events import Actor
from tests.assignments.asking import assign, body, pages
from tests.drain import InProcessWorker
from tests.factories import Org
from tests.feed import recorded
from tests.moving.moving import clerk, code, merge, reader, renumber, submit, undo
from tests.records.importing import bring_in, record
from tests.sessions.sitting import add, complete, completed, problem, roster, schedule
from tests.traces import stored

CHANGING = {"updated_at", "revision", "link_epoch", "roster_revision", "stamped_at", "notices", "due_at"}
"""Columns that a way there and back changes, and none of which says whose something is."""

OF_RECORDS = ("assignment", "licence", "licence_due", "roster_entry", "folder_member", "party", "delivery", "scim_user")


def told(org: Org) -> dict[str, list[dict[str, object]]]:
    """The rows of the tables that hold a party's records, without what a way there and back changes."""
    found: dict[str, list[dict[str, object]]] = {}
    with org.transaction() as db:
        for table in OF_RECORDS:
            rows = db.scalars(text(f"SELECT to_jsonb({table}) FROM {table}")).all()
            kept = [{name: value for name, value in row.items() if name not in CHANGING} for row in rows]
            found[table] = sorted(kept, key=str)
    return found


def history(org: Org, worker: InProcessWorker) -> None:
    """Two parties, `a` and `b`, with one of everything that can be there once."""
    completed(org, worker, "a", "b")
    scheduled = schedule(org)
    add(org, scheduled, "a", "b")
    course = org.with_course()
    bring_in(org, worker, [record(who, course, "2026-01-10", "2099-06-30", number="N-1") for who in ("a", "b")])
    bring_in(org, worker, [record("a", course, "2026-01-11", "2099-07-30")])
    assign(org, worker, body(org.with_course(), "a", "b"))
    assign(org, worker, body(org.with_course(), "a"))
    org.with_parties("a", folder="deck")
    with org.transaction() as db:
        for who in ("a", "b"):
            db.add(ScimUser(org_id=org.id, party_id=who, user_name=who, folded_name=who, updated_at=clock.now()))


def sound(org: Org) -> None:
    """No invariant is broken."""
    with org.transaction() as db:
        assert invariants.violations(db) == []


def test_the_undo_of_a_merge_leaves_everything_as_before(org: Org, worker: InProcessWorker) -> None:
    history(org, worker)
    before = told(org)
    job = merge(org, worker, "a", "b")
    assert told(org) != before
    sound(org)
    assert code(org, undo(org, worker, job)) == "moved-back"
    assert told(org) == before
    sound(org)
    (event,) = recorded(org, "party.restored")
    assert (event.subject, event.data["from"]) == ("party/a", "b")


def test_the_undo_of_a_new_id_leaves_everything_as_before(org: Org, worker: InProcessWorker) -> None:
    history(org, worker)
    before = told(org)
    job = renumber(org, worker, "a", "c")
    assert told(org) != before
    sound(org)
    assert code(org, undo(org, worker, job)) == "moved-back"
    assert told(org) == before
    assert reader(org).get("/v1/parties/c").json()["entityId"] == "a"


def test_what_was_changed_since_the_merge_stays(org: Org, worker: InProcessWorker) -> None:
    org.with_parties("a", "b")
    course = org.with_course()
    assign(org, worker, body(course, "a", "b"))
    job = merge(org, worker, "a", "b")
    (open_one,) = pages(org.client(), "/v1/assignments", state="assigned")
    assert org.client().post(f"/v1/assignments/{open_one['id']}/complete").status_code == 200
    undo(org, worker, job)
    states = sorted((one["party"]["entityId"], one["state"]) for one in pages(org.client(), "/v1/assignments"))
    assert states == [("a", "completed"), ("b", "assigned")]


def test_a_licence_earned_since_stays_and_the_other_party_has_its_own_again(org: Org, worker: InProcessWorker) -> None:
    org.with_parties("a", "b")
    course = org.with_course()
    days = {"a": "2099-07-30", "b": "2099-06-30"}
    bring_in(org, worker, [record(who, course, "2026-01-10", day) for who, day in days.items()])
    job = merge(org, worker, "a", "b")
    session_id = schedule(org, course)
    add(org, session_id, "b")
    complete(org, worker, session_id)
    undo(org, worker, job)
    active = {one["party"]["entityId"]: one["source"] for one in pages(org.client(), "/v1/licences", state="active")}
    assert active == {"a": "record", "b": "session"}
    assert roster(org, session_id).keys() == {"b"}


def test_a_merge_is_undone_within_14_days_and_by_nobody_of_training_alone(org: Org, worker: InProcessWorker) -> None:
    with time_machine.travel("2026-04-01T08:00:00Z", tick=False) as time:
        org.with_parties("a", "b")
        job = merge(org, worker, "a", "b")
        time.move_to("2026-04-16T08:00:01Z")
        assert problem(clerk(org).post(f"/v1/jobs/{job['id']}/undo")) == (409, "cannot-undo")


def test_a_merge_cannot_be_undone_once_the_party_was_moved_on_or_erased(org: Org, worker: InProcessWorker) -> None:
    org.with_parties("a", "b", "c", "d")
    job = merge(org, worker, "a", "b")
    merge(org, worker, "b", "c")
    assert problem(clerk(org).post(f"/v1/jobs/{job['id']}/undo")) == (409, "cannot-undo")
    job = merge(org, worker, "c", "d")
    assert clerk(org).post("/v1/parties/d/erase").status_code == 200
    assert problem(clerk(org).post(f"/v1/jobs/{job['id']}/undo")) == (409, "cannot-undo")
    for name in ("Party a", "Party b", "Party c", "Party d"):
        assert name not in str(stored(org))


def test_the_ids_of_a_merged_party_are_its_own_until_the_undo_is_over(org: Org, worker: InProcessWorker) -> None:
    with time_machine.travel("2026-04-01T08:00:00Z", tick=False) as time:
        org.with_parties("w", "a")
        renumber(org, worker, "w", "x")
        job = merge(org, worker, "x", "a")
        for theirs in ("x", "w"):
            sent = {"entityId": theirs, "reason": "Hers now"}
            assert problem(clerk(org).post("/v1/parties/a/renumber", json=sent)) == (422, "invalid-input")
            assert problem(clerk(org).post("/v1/parties/a/renumber/preview", json=sent)) == (422, "invalid-input")
        assert code(org, undo(org, worker, job)) == "moved-back"
        merge(org, worker, "x", "a")
        time.move_to("2026-04-17T08:00:01Z")
        renumber(org, worker, "a", "x")
        assert reader(org).get("/v1/parties/x").json()["displayName"] == "Party a"


def test_a_job_does_not_take_the_id_of_a_party_merged_meanwhile(org: Org, worker: InProcessWorker) -> None:
    org.with_parties("x", "a")
    renumbering = submit(org, "a", "renumber", entityId="b")
    merge(org, worker, "x", "a")
    with org.transaction() as db:
        move = Move("a", "x", False, "Taken", Actor("member", "member-1"), uuid.UUID(renumbering["id"]), clock.now())
        assert directory.copy_party(db, move) is False


def test_the_history_of_a_licence_that_a_merge_ended_for_a_time(org: Org, worker: InProcessWorker) -> None:
    completed(org, worker, "a", "b")
    undo(org, worker, merge(org, worker, "a", "b"))
    (ended,) = [one.subject for one in recorded(org, "licence.restored")]
    told = org.client().get(f"/v1/{ended.replace('licence', 'licences', 1)}/history").json()["items"]
    assert [one["type"] for one in told] == ["licence.revoked", "licence.restored"]
    assert "whose licence of the same training counts instead. Before, this one was in force." in told[0]["text"]
    assert "took back what had ended or replaced it." in told[1]["text"]
