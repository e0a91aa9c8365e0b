"""Verifying the chain: each kind of tampering is found where it was done, and an untouched chain has no findings."""

import pytest
from sqlalchemy.exc import OperationalError

from shared import clock, events
from shared.events import Event, Expected, FindingKind, Verification
from tests.conftest import Servers
from tests.events.tampering import (
    COUNTER_SET_BACK,
    CUT_OFF,
    DELETED,
    EDITED,
    MINE,
    REORDERED,
    SEALS_REMOVED,
    findings,
    found,
    head,
    record,
    record_many,
    seal,
    sealed_in_three_blocks,
    tamper,
)
from tests.factories import OPERATOR, Org

# --- tampering


EDITS = {
    "id": "uuidv7()",
    "type": "'party.created'",
    "subject": "'party/other'",
    "recorded_at": "recorded_at + interval '1 microsecond'",
    "actor_type": "'system'",
    "actor_id": "'bob'",
    "party_id": "NULL",
    "data": """data || '{"active": false}'""",
}
"""A change of each column that an edit could change. A changed org_id or sequence counts as a deletion."""


@pytest.mark.parametrize("column", EDITS)
def test_an_edited_event_is_found_in_its_block(org: Org, servers: Servers, column: str) -> None:
    sealed_in_three_blocks(org)
    tamper(servers, org, f"UPDATE event SET {column} = {EDITS[column]} WHERE {MINE} AND sequence = 6")
    assert found(org) == [("altered", 5, 7)]


def test_an_edit_of_every_column_is_tried() -> None:
    assert set(EDITS) == set(Event.__table__.columns.keys()) - {"org_id", "sequence"}


ONE_AT_A_TIME: dict[str, tuple[tuple[str, ...], FindingKind, int, int, str]] = {
    "edited": (EDITED, FindingKind.ALTERED, 5, 7, "At least one of events 5 to 7, sealed at "),
    "deleted": (DELETED, FindingKind.DELETED, 5, 5, "Event 5 was deleted."),
    "deleted across blocks": (
        (f"DELETE FROM event WHERE {MINE} AND sequence BETWEEN 3 AND 8",),
        FindingKind.DELETED,
        3,
        8,
        "Events 3 to 8 were deleted.",
    ),
    "the first deleted": (
        (f"DELETE FROM event WHERE {MINE} AND sequence = 1",),
        FindingKind.DELETED,
        1,
        1,
        "Event 1 was deleted.",
    ),
    "reordered": (REORDERED, FindingKind.ALTERED, 5, 7, "was edited or moved. Their ids are out of order at 6."),
    "cut off": (
        CUT_OFF,
        FindingKind.CUT_OFF,
        9,
        10,
        "Events 9 to 10 were cut off at the end: the counter knows of 10.",
    ),
    "cut off, counter and all": (CUT_OFF + COUNTER_SET_BACK, FindingKind.CUT_OFF, 9, 10, "a seal knows of 10."),
    "the counter set back": (COUNTER_SET_BACK, FindingKind.ADDED, 9, 10, "Events 9 to 10 were added past the counter"),
    "added before the first": (
        (f"UPDATE event SET sequence = -7 WHERE {MINE} AND sequence = 1",),
        FindingKind.ADDED,
        -7,
        -7,
        "Event -7 was added: the first number is 1.",
    ),
    "a seal altered": (
        (f"UPDATE event_seal SET hash = repeat('f', 64) WHERE {MINE} AND last_sequence = 7",),
        FindingKind.SEAL,
        5,
        7,
        "The seal of events 5 to 7 was altered: they fit the seal after it.",
    ),
    "the last seal altered": (
        (f"UPDATE event_seal SET hash = 'x' WHERE {MINE} AND last_sequence = 10",),
        FindingKind.ALTERED,
        8,
        10,
        "was edited or moved, or else their seal was altered.",
    ),
    "a seal removed": (
        (f"DELETE FROM event_seal WHERE {MINE} AND last_sequence = 7",),
        FindingKind.SEAL,
        5,
        10,
        "The seal that ends at 10 begins at 8 where 5 would follow",
    ),
}


@pytest.mark.parametrize("tampering", ONE_AT_A_TIME)
def test_a_tampering_is_found_where_it_was_done(org: Org, servers: Servers, tampering: str) -> None:
    statements, kind, first, last, words = ONE_AT_A_TIME[tampering]
    head = sealed_in_three_blocks(org)
    tamper(servers, org, *statements)
    finding, *others = findings(org)
    assert (finding.kind, finding.first, finding.last) == (kind, first, last)
    assert words in finding.detail
    assert len(others) == (tampering == "added before the first")  # then number 1 is missing as well
    assert len(findings(org, Expected(head.sequence, head.hash))) == 1 + len(others)  # the head itself still matches


def test_each_of_several_tamperings_is_found(org: Org, servers: Servers) -> None:
    sealed_in_three_blocks(org)
    edit_others = (f"UPDATE event SET actor_id = 'bob' WHERE {MINE} AND sequence IN (2, 8)",)
    tamper(servers, org, *edit_others, *DELETED, f"DELETE FROM event WHERE {MINE} AND sequence = 10")
    assert found(org) == [("deleted", 5, 5), ("altered", 1, 4), ("cut-off", 10, 10)]


def test_a_tampering_is_found_after_later_events_are_sealed(org: Org, servers: Servers) -> None:
    sealed_in_three_blocks(org)
    tamper(servers, org, *EDITED)
    record(org, "j", "k")
    seal(org)
    assert found(org) == [("altered", 5, 7)]


def test_a_deletion_before_the_first_seal_is_found(org: Org, servers: Servers) -> None:
    record(org, "a", "b", "c", "d", "e")
    tamper(servers, org, *DELETED)
    assert seal(org) == 5
    assert found(org) == [("deleted", 5, 5)]


# --- heads written down


@pytest.mark.parametrize("rewritten", [EDITED, REORDERED, CUT_OFF + COUNTER_SET_BACK])
def test_a_past_rewritten_and_sealed_anew_is_found_by_a_head_written_down(
    org: Org, servers: Servers, rewritten: tuple[str, ...]
) -> None:
    head = sealed_in_three_blocks(org)
    written_down = Expected(head.sequence, head.hash)
    tamper(servers, org, *rewritten, *SEALS_REMOVED)
    seal(org)
    record(org, "j", "k", "l")
    seal(org)
    assert found(org) == []
    assert found(org, written_down) == [("rewritten", 1, 10)]


def test_a_head_beyond_the_end_is_found(org: Org, servers: Servers) -> None:
    head = sealed_in_three_blocks(org)
    tamper(servers, org, *CUT_OFF, *COUNTER_SET_BACK, f"DELETE FROM event_seal WHERE {MINE} AND last_sequence > 8")
    assert found(org) == []
    [finding] = findings(org, Expected(head.sequence, head.hash))
    assert finding.detail == "Events 9 to 10 were cut off at the end: the head written down knows of 10."


def test_every_published_head_still_matches_the_chain(org: Org) -> None:
    heads = []
    for party_id in "abcdefgh":
        record(org, party_id)
        seal(org)
        heads.append(head(org))
    assert [found(org, Expected(each.sequence, each.hash)) for each in heads] == [[]] * 8
    assert found(org, Expected(heads[3].sequence, heads[4].hash)) == [("rewritten", 1, heads[3].sequence)]


# --- verifying


def test_verifying_changes_nothing_and_sees_one_moment(org: Org) -> None:
    sealed_in_three_blocks(org)
    with org.transaction() as db:
        verification = Verification(db)
        record(org, "recorded meanwhile")
        seal(org)
        assert list(verification.findings()) == []
        assert (verification.count, verification.sealed) == (10, 10)
        with pytest.raises(OperationalError, match="read-only transaction"):
            events.record(db, OPERATOR, clock.now(), events.Fact("party.changed", "party/a"))
        db.rollback()
    with org.transaction() as db:  # the connection is not read-only any more
        events.record(db, OPERATOR, clock.now(), events.Fact("party.changed", "party/a"))


def test_a_verification_reports_its_progress(org: Org) -> None:
    record_many(org, 2500)
    progress: list[int] = []
    with org.transaction() as db:
        assert list(Verification(db).findings(progress.append)) == []
    assert progress == [1000, 2000, 2501]


def test_a_verification_reads_its_own_organization_only(org: Org, other_org: Org, servers: Servers) -> None:
    sealed_in_three_blocks(org)
    tamper(servers, org, *EDITED)
    assert found(other_org) == []
    assert head(other_org).unsealed == 1
