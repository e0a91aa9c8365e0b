"""The feed: every event in order, numbered without a hole whatever runs at once, and read from any point on."""

import asyncio
import time
from typing import Any

import pytest
from anyio.to_thread import run_sync
from sqlalchemy import literal, select
from sqlalchemy.orm import Session

from shared import clock, events
from shared.access import Permission
from shared.events import Actor, Fact, Feed, queries
from shared.watching import Watch
from tests.factories import Org
from tests.racing import blocked

ACTOR = Actor("member", "member-1")


def record(org: Org, *subjects: str, type: str = "party.changed", party_id: str | None = None) -> None:
    """Record one event about each subject, in one transaction."""
    with org.transaction() as db:
        record_in(db, *subjects, type=type, party_id=party_id)


def record_in(db: Session, *subjects: str, type: str = "party.changed", party_id: str | None = None) -> None:
    facts = (Fact(type, subject, {"changed": ["active"]}, party_id) for subject in subjects)
    events.record(db, ACTOR, clock.now(), *facts)


def read(org: Org, **params: str | int | float) -> dict[str, Any]:
    """Returns a page of the feed."""
    answer = org.client(Permission.READ_EVENTS).get("/v1/events", params=params)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def subjects(found: dict[str, Any]) -> list[str]:
    return [event["subject"] for event in found["items"]]


# --- numbers


def test_two_transactions_at_once_are_numbered_in_the_order_of_their_commits(org: Org) -> None:
    """The second waits until the first has committed, so no reader can see number 3 while 2 may still come."""
    with org.transaction() as db:
        record_in(db, "party/first")
        with blocked(org, lambda other: record_in(other, "party/second")) as second:
            assert read(org)["nextCursor"] == "1"
            db.commit()
            second.result(timeout=10)
    assert subjects(read(org, after=1)) == ["party/first", "party/second"]
    assert [event["sequence"] for event in read(org)["items"]] == ["1", "2", "3"]


def test_a_transaction_that_is_rolled_back_leaves_no_hole(org: Org) -> None:
    def record_and_fail(db: Session) -> None:
        record_in(db, "party/a", "party/b")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), org.transaction() as db:
        record_and_fail(db)
    record(org, "party/c")
    assert [(event["sequence"], event["subject"]) for event in read(org, after=1)["items"]] == [("2", "party/c")]


def test_each_organization_has_numbers_of_its_own(org: Org, other_org: Org) -> None:
    record(org, "party/a", "party/b")
    record(other_org, "party/c")
    assert (read(org)["nextCursor"], read(other_org)["nextCursor"]) == ("3", "2")


def test_an_event_is_recorded_for_each_row_of_a_query(org: Org) -> None:
    of = select(literal("party/a").label("subject"), literal("a").label("party_id"))
    with org.transaction() as db:
        events.record_each(db, ACTOR, clock.now(), type="party.changed", count=1, of=of, data={})
    assert subjects(read(org, partyId="a")) == ["party/a"]


@pytest.mark.parametrize("announced", [1, 3])
def test_a_wrong_count_of_events_undoes_the_change(org: Org, announced: int) -> None:
    """Otherwise the numbers would have a hole or come twice."""
    row = select(literal("party/a").label("subject"), literal("a").label("party_id"))
    of: Any = row.union_all(row).subquery().select()
    with pytest.raises(RuntimeError, match="were announced, 2 recorded"), org.transaction() as db:
        events.record_each(db, ACTOR, clock.now(), type="party.changed", count=announced, of=of, data={})
    assert read(org)["nextCursor"] == "1"


# --- reading


def test_an_event_in_the_feed_is_a_cloud_event(org: Org) -> None:
    record(org, "party/a", party_id="a")
    (event,) = read(org, after=1)["items"]
    assert (event.pop("id").count("-"), event.pop("time")[-1]) == (4, "Z")
    assert event == {
        "specversion": "1.0",
        "source": f"urn:rollcall:{org.id}",
        "type": "party.changed",
        "subject": "party/a",
        "datacontenttype": "application/json",
        "org": org.id,
        "sequence": "2",
        "data": {"actor": {"type": "member", "id": "member-1"}, "partyId": "a", "changed": ["active"]},
    }


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
@pytest.mark.parametrize("types", ["party.changed", "party.changed,party.erased", "party.moved", ""])
def test_pages_of_the_feed_miss_and_repeat_nothing(org: Org, limit: int, types: str) -> None:
    """Whatever the filter, the cursor passes events that do not match, and never passes events that were not read."""
    for n in range(3):
        record(org, f"party/{n}", type="party.changed")
        record(org, f"party/{n}", type="party.erased")
    filters: dict[str, str | int] = {"limit": limit} | ({"types": types} if types else {})
    found, after = [], "0"
    while True:
        page = read(org, after=after, **filters)
        found += [event["sequence"] for event in page["items"]]
        if page["nextCursor"] == after:
            break
        after = page["nextCursor"]
    wanted = [event for event in read(org)["items"] if not types or event["type"] in types.split(",")]
    assert found == [event["sequence"] for event in wanted]
    assert after == "7"


def test_the_feed_is_filtered_by_party(org: Org) -> None:
    record(org, "party/a", party_id="a")
    record(org, "assignment/1", party_id="a", type="assignment.changed")
    record(org, "party/b", party_id="b")
    assert subjects(read(org, partyId="a")) == ["party/a", "assignment/1"]
    assert subjects(read(org, partyId="a", types="assignment.changed")) == ["assignment/1"]
    assert subjects(read(org, partyId="c")) == []


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("after=-1", "?after"),
        ("after=9223372036854775808", "?after"),
        ("after=last", "?after"),
        ("types=", "?types"),
        ("types=party.changed,", "?types"),
        ("types=party", "?types"),
        ("types=%00", "?types"),
        ("partyId=a%20b", "?partyId"),
        ("limit=0", "?limit"),
        ("limit=501", "?limit"),
        ("wait=21", "?wait"),
    ],
)
def test_a_bad_parameter_of_the_feed_is_named(org: Org, query: str, pointer: str) -> None:
    answer = org.client().get(f"/v1/events?{query}")
    assert (answer.status_code, [error["pointer"] for error in answer.json()["errors"]]) == (422, [pointer])


@pytest.mark.parametrize("permission", Permission)
def test_only_readers_of_events_may_read_the_feed(org: Org, permission: Permission) -> None:
    allowed = permission in (Permission.READ_EVENTS, Permission.ADMIN)
    assert org.client(permission).get("/v1/events").status_code == (200 if allowed else 403)


def test_an_event_committed_while_a_page_is_read_is_left_to_the_next_page(
    org: Org, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise the page would hold it and its cursor would not, and the next page would repeat it."""
    head = queries.head

    def head_before_a_commit(db: Session) -> int:
        newest = head(db)
        record(org, "party/late")
        return newest

    with monkeypatch.context() as racing, org.transaction() as db:
        racing.setattr(queries, "head", head_before_a_commit)
        assert events.feed_after(db, 1) == Feed([], 1)
    assert subjects(read(org, after=1)) == ["party/late"]


# --- waiting


def test_a_waiting_read_ends_with_the_first_event_that_matches(org: Org, monkeypatch: pytest.MonkeyPatch) -> None:
    steps = [lambda: None, lambda: record(org, "party/a"), lambda: record(org, "party/b", type="party.erased")]

    async def step(_: Watch) -> None:
        await (run_sync(steps.pop(0)) if steps else asyncio.sleep(0.02))

    monkeypatch.setattr(Watch, "pause", step)
    found = read(org, after=1, types="party.erased", wait=20)
    assert (subjects(found), found["nextCursor"], steps) == (["party/b"], "3", [])


def test_a_waiting_read_ends_empty_after_its_time(org: Org) -> None:
    began = time.monotonic()
    assert read(org, after=1, wait=0.3) == {"items": [], "nextCursor": "1"}
    assert time.monotonic() - began >= 0.3


def test_a_reader_beyond_the_last_event_keeps_its_place(org: Org) -> None:
    """As after a restore from an older backup: going back would repeat events."""
    assert read(org, after=100) == {"items": [], "nextCursor": "100"}
