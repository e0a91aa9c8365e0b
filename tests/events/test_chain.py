"""The hash chain: what it covers, and how it is sealed while other work goes on."""

import hashlib
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from sqlalchemy import insert, select, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from shared import clock, events
from shared.events import Event, chain
from shared.events.models import EventSeal
from tests.conftest import Servers
from tests.drain import InProcessWorker
from tests.events.tampering import (
    SEALS_REMOVED,
    found,
    head,
    record,
    record_many,
    seal,
    sealed_in_three_blocks,
    tamper,
)
from tests.factories import Org


def seals(org: Org) -> list[tuple[int, int]]:
    with org.transaction() as db:
        rows = select(EventSeal.first_sequence, EventSeal.last_sequence).where(EventSeal.org_id == org.id)
        return [(first, last) for first, last in db.execute(rows.order_by(EventSeal.last_sequence))]


# --- the canonical form


def test_the_canonical_form_of_an_event_never_changes(org: Org) -> None:
    """Auditors compute it with their own programs: after a change every chain would look altered."""
    event = {
        "org_id": org.id,
        "sequence": 2,
        "id": uuid.UUID("019aa7c2-7d1e-7c5b-9b54-3f3d3c1f9e11"),
        "type": "assignment.created",
        "subject": "assignment/7",
        "recorded_at": datetime(2026, 3, 1, 9, 30, tzinfo=UTC),
        "actor_type": "member",
        "actor_id": "ada",
        "data": {"zulu": [1, 2**60, True, None], "Ärger": 'a "b"\n\x1f</ü€😀', "a": {"d": 1, "c": ""}},
    }
    with org.transaction() as db:
        db.execute(insert(Event).values(event))
    form = (
        '{"actor_id":"ada","actor_type":"member","data":{"a":{"c":"","d":1},"zulu":[1,1152921504606846976,true,null],'
        '"Ärger":"a \\"b\\"\\n\\u001f</ü€😀"},"id":"019aa7c2-7d1e-7c5b-9b54-3f3d3c1f9e11","org_id":"' + org.id + '",'
        '"recorded_at":"2026-03-01T09:30:00.000000Z","sequence":2,"subject":"assignment/7","type":"assignment.created"}'
    ).encode()
    with org.transaction() as db:
        first, second = chain.in_order(db)
    assert chain.canonical(second) == form
    former = hashlib.sha256(b"0" * 64 + chain.canonical(first)).hexdigest()
    seal(org)
    assert head(org).hash == hashlib.sha256(former.encode() + form).hexdigest()


@pytest.mark.parametrize("setting", ["timezone = 'Asia/Kolkata'", "bytea_output = 'escape'", "lc_numeric = 'C'"])
def test_the_settings_of_a_connection_do_not_change_the_canonical_form(org: Org, setting: str) -> None:
    def forms() -> Iterator[bytes]:
        with org.transaction() as db:
            if setting:
                db.execute(text(f"SET LOCAL {setting}"))
            yield from map(chain.canonical, chain.in_order(db))

    record(org, "a")
    here = list(forms())
    setting = ""
    assert here == list(forms())


def test_the_canonical_form_covers_every_column() -> None:
    assert {column.key for column in chain.COLUMNS} == set(Event.__table__.columns.keys())


# --- sealing


def test_a_sealed_chain_has_no_findings(org: Org) -> None:
    assert found(org) == []
    sealed_in_three_blocks(org)
    record(org, "not sealed yet")
    assert seals(org) == [(1, 4), (5, 7), (8, 10)]
    assert found(org) == []


def test_the_head_has_the_last_sealed_event_and_the_number_of_unsealed_ones(org: Org) -> None:
    assert head(org) == events.Head(0, "0" * 64, None, unsealed=1)
    sealed_in_three_blocks(org)
    record(org, "j", "k")
    assert (head(org).sequence, head(org).unsealed) == (10, 2)


def test_the_hash_does_not_depend_on_where_blocks_end(org: Org, servers: Servers) -> None:
    """It is the hash of the last event, wherever the seals are."""
    head = sealed_in_three_blocks(org)
    tamper(servers, org, *SEALS_REMOVED)
    assert [seal(org, most=6), seal(org, most=6), seal(org, most=6)] == [6, 4, 0]
    in_two = seals(org)
    with org.transaction() as db:
        assert events.sealed_head(db).hash == head.hash
    tamper(servers, org, *SEALS_REMOVED)
    assert seal(org) == 10
    with org.transaction() as db:
        assert events.sealed_head(db).hash == head.hash
    assert (in_two, seals(org)) == ([(1, 6), (7, 10)], [(1, 10)])
    assert found(org) == []


def test_sealing_again_seals_nothing(org: Org) -> None:
    record(org, "a")
    assert (seal(org), seal(org)) == (2, 0)
    assert seals(org) == [(1, 2)]


def test_two_sealers_at_once_do_not_fork_the_chain_and_recording_does_not_wait(org: Org) -> None:
    record(org, "a", "b")
    with org.transaction() as first:
        assert events.seal(first, clock.now()) == 3
        record(org, "c", "d")  # waiting would end in an error after two seconds
        assert seal(org) == 0  # or it would seal 1 to 5, beside the first one's 1 to 3
    assert seal(org) == 2
    assert seals(org) == [(1, 3), (4, 5)]
    assert found(org) == []


def test_many_sealers_at_once_keep_the_chain_whole_while_events_are_recorded(org: Org) -> None:
    def work(n: int) -> None:
        if n % 3:
            seal(org, most=4)
        else:
            record(org, f"p{n}", f"q{n}")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(90)))
    while seal(org):
        pass
    assert head(org).sequence == 61
    assert found(org) == []


def test_the_seal_task_seals_a_block_of_every_organization_and_sends_a_wake_up_for_more(
    org: Org, other_org: Org, worker: InProcessWorker
) -> None:
    record_many(org, 20_500)
    worker.deliver("events.seal")
    assert (seals(org), seals(other_org)) == ([(1, 10_000)], [(1, 1)])
    assert list(worker.messages) == [("events.seal", ())]
    worker.drain()
    assert seals(org) == [(1, 10_000), (10_001, 20_000), (20_001, 20_501)]
    worker.deliver("events.seal")
    assert (len(seals(org)), list(worker.messages)) == (3, [])


def test_an_organization_that_cannot_be_sealed_does_not_stop_the_sealing_of_others(
    org: Org, other_org: Org, worker: InProcessWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail_for_one(db: Session, now: datetime) -> int:
        if db.info["org_id"] == min(org.id, other_org.id):
            raise OperationalError("", {}, Exception())
        return sealing(db, now)

    sealing = events.seal
    monkeypatch.setattr(events, "seal", fail_for_one)
    worker.deliver("events.seal")
    assert [seals(each) for each in sorted((org, other_org), key=lambda each: each.id)] == [[], [(1, 1)]]
