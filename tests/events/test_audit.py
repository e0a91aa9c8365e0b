"""The audit log over HTTP: filters, pages, exports, and the limits of organization and scope."""

import json
from typing import Any

import psycopg
import pytest

from shared import events
from shared.access import Permission
from shared.events import Actor, Filters
from tests.conftest import Servers
from tests.counting import reading_in
from tests.events.tampering import record, record_many, seal
from tests.factories import EVERYTHING, Org

READERS = (Permission.READ_EVENTS, Permission.ADMIN)
NDJSON = {"Accept": "application/x-ndjson"}


def search(org: Org, **params: Any) -> list[dict[str, Any]]:
    """Returns the events that a search finds, which fit on one page."""
    answer = org.client(Permission.READ_EVENTS).get("/v1/audit/events", params=params | {"limit": 500})
    assert answer.status_code == 200, answer.text
    assert answer.json()["nextCursor"] is None
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


def sequences(items: list[dict[str, Any]]) -> list[int]:
    return [int(item["sequence"]) for item in items]


@pytest.fixture
def busy(org: Org) -> Org:
    """Returns an organization with events 2 to 6: by ada about a, b, a; by bob about a, c. Event 1 is its addition."""
    record(org, "a", "b", "a")
    record(org, "a", "c", actor=Actor("member", "bob"))
    return org


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({}, [1, 2, 3, 4, 5, 6]),
        ({"partyId": "a"}, [2, 4, 5]),
        ({"partyId": "nobody"}, []),
        ({"actorId": "bob"}, [5, 6]),
        ({"actorType": "system"}, [1]),
        ({"actorType": "member", "actorId": "ada"}, [2, 3, 4]),
        ({"actorType": "party", "actorId": "ada"}, []),
        ({"subject": "party/a"}, [2, 4, 5]),
        ({"types": "organization.added"}, [1]),
        ({"types": "organization.added, party.changed"}, [1, 2, 3, 4, 5, 6]),
        ({"partyId": "a", "actorId": "bob"}, [5]),
        ({"order": "desc", "partyId": "a"}, [5, 4, 2]),
    ],
)
def test_each_filter_finds_its_events(busy: Org, filters: dict[str, str], found: list[int]) -> None:
    assert sequences(search(busy, **filters)) == found


def test_since_is_included_and_until_is_not(busy: Org) -> None:
    times = [item["time"] for item in search(busy)]
    assert sequences(search(busy, since=times[2])) == [3, 4, 5, 6]
    assert sequences(search(busy, until=times[2])) == [1, 2]
    assert sequences(search(busy, since=times[1], until=times[3])) == [2, 3]


@pytest.mark.parametrize("instant", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_instants_at_the_ends_of_the_calendar_are_accepted(org: Org, instant: str) -> None:
    assert sequences(search(org, since=instant)) == ([1] if instant.startswith("0001") else [])


@pytest.mark.parametrize("offset", ["+23:59", "-23:59", "+16:00"])
def test_an_offset_that_postgresql_does_not_know_is_accepted(org: Org, offset: str) -> None:
    assert sequences(search(org, since=f"2020-01-01T00:00:00{offset}")) == [1]
    assert sequences(search(org, until=f"2020-01-01T00:00:00{offset}")) == []


def test_an_event_is_the_same_in_the_audit_log_and_in_the_feed(busy: Org) -> None:
    feed = busy.client(Permission.READ_EVENTS).get("/v1/events").json()["items"]
    assert search(busy) == feed


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_pages_of_the_audit_log_hold_each_event_once(busy: Org, order: str) -> None:
    def page(**cursor: str) -> dict[str, Any]:
        params = {"limit": "4", "order": order} | cursor
        listing: dict[str, Any] = busy.client(Permission.READ_EVENTS).get("/v1/audit/events", params=params).json()
        return listing

    first = page()
    second = page(cursor=first["nextCursor"])
    pages = [sequences(first["items"]), sequences(second["items"])]
    assert pages == ([[1, 2, 3, 4], [5, 6]] if order == "asc" else [[6, 5, 4, 3], [2, 1]])
    assert second["nextCursor"] is None


def test_the_export_holds_every_event_of_the_table(org: Org) -> None:
    record_many(org, 4500)  # more than two of its pages
    answer = org.client(Permission.READ_EVENTS).get("/v1/audit/events", headers=NDJSON)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/x-ndjson")
    with org.transaction() as db:
        table = [events.cloud_event(event) for event in db.scalars(events.list_events(db, Filters()))]
    assert len(table) == 4501
    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert all(len(line.pop("hash")) == 64 for line in lines)
    assert lines == table


def test_the_export_is_filtered(busy: Org) -> None:
    answer = busy.client(Permission.ADMIN).get("/v1/audit/events", params={"partyId": "a"}, headers=NDJSON)
    assert sequences([json.loads(line) for line in answer.text.splitlines()]) == [2, 4, 5]
    nothing = busy.client(Permission.ADMIN).get("/v1/audit/events", params={"partyId": "z"}, headers=NDJSON)
    assert (nothing.status_code, nothing.text) == (200, "")


def test_the_head_is_the_last_sealed_event_with_the_number_of_unsealed_ones(org: Org) -> None:
    client = org.client(Permission.READ_EVENTS)
    nothing = {"sequence": 0, "hash": "0" * 64, "sealedAt": None, "unsealed": 1, "treeSize": None, "rootHash": None}
    assert client.get("/v1/audit/head").json() == nothing
    record(org, "a")
    seal(org)
    record(org, "b", "c")
    head = client.get("/v1/audit/head").json()
    with org.transaction() as db:
        sealed = events.sealed_head(db)
    assert (head["sequence"], head["hash"], head["unsealed"]) == (2, sealed.hash, 2)
    assert (head["treeSize"], head["rootHash"]) == (2, sealed.root)
    assert head["sealedAt"].endswith("Z")


@pytest.mark.parametrize("address", ["/v1/audit/events", "/v1/audit/head"])
def test_only_readers_of_events_may_read_the_audit_log(org: Org, address: str) -> None:
    others = [permission for permission in EVERYTHING if permission not in READERS]
    refused = org.client(*others).get(address)
    assert refused.status_code == 403
    assert "events.read or training.admin" in refused.json()["detail"]
    assert [org.client(permission).get(address).status_code for permission in READERS] == [200, 200]


def test_another_organization_sees_no_event(busy: Org, other_org: Org) -> None:
    assert sequences(search(other_org)) == [1]
    assert search(other_org, partyId="a") == []
    exported = other_org.client(Permission.ADMIN).get("/v1/audit/events", headers=NDJSON).text
    assert busy.id not in exported
    cursor = busy.client(Permission.ADMIN).get("/v1/audit/events", params={"limit": 1}).json()["nextCursor"]
    borrowed = other_org.client(Permission.ADMIN).get("/v1/audit/events", params={"cursor": cursor})
    assert borrowed.json()["items"] == []


@pytest.mark.parametrize("headers", [{}, NDJSON])
def test_a_scoped_reader_finds_only_events_about_the_parties_of_its_folders(org: Org, headers: dict[str, str]) -> None:
    org.with_parties("a", folder="crew")
    org.with_parties("b", folder="office")
    scoped = org.client(Permission.ADMIN, folders=["crew"]).get("/v1/audit/events", headers=headers)
    lines = scoped.text.splitlines() if headers else map(json.dumps, scoped.json()["items"])
    assert {json.loads(line)["data"].get("partyId") for line in lines} == {"a"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("partyId", "no spaces"),
        ("actorType", "robot"),
        ("actorId", "a\0b"),
        ("subject", "party"),
        ("subject", "party/\0"),
        ("types", ""),
        ("types", "party.changed,"),
        ("types", "party.\0"),
        ("since", "yesterday"),
        ("until", "2026-03-01T00:00:00"),
        ("order", "random"),
        ("limit", "501"),
        ("cursor", "nonsense"),
    ],
)
def test_bad_filters_are_named(org: Org, name: str, value: str) -> None:
    answer = org.client(Permission.ADMIN).get("/v1/audit/events", params={name: value})
    assert answer.status_code == 422, answer.text
    assert [error["pointer"] for error in answer.json()["errors"]] == [f"?{name}"]


# --- the cost of a search


def rows_read(org: Org, filters: Filters) -> int:
    """Returns the number of rows that PostgreSQL reads for a page, including rows that are filtered out."""
    with org.transaction() as db, reading_in(db) as reads:
        db.execute(events.list_events(db, filters).limit(51)).all()
    return reads.of("event")


def test_a_search_reads_the_rows_it_finds_and_not_the_whole_table(org: Org, servers: Servers) -> None:
    record_many(org, 20_000)
    record(org, "rare", "rare", "rare", actor=Actor("member", "bob"))
    with psycopg.connect(servers.owner_url) as owner:
        owner.execute("ANALYZE event")
    for filters in (Filters(party_id="rare"), Filters(subject="party/rare"), Filters(actor_id="bob")):
        assert rows_read(org, filters) == 3
    assert rows_read(org, Filters(types=["party.erased"])) > 20_000  # a plan that reads everything would be noticed
