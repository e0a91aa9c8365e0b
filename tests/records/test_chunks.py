"""The work of a chunk of an import: nothing of a text is lost on the way, and no decision is older than the locks."""

from typing import Any

import pytest

from shared import directory
from tests.drain import InProcessWorker
from tests.factories import Org
from tests.records.importing import bring_in, codes, licences, record, submit


def test_records_keep_their_texts_as_they_were_sent(oslo: Org, worker: InProcessWorker) -> None:
    course = oslo.with_course()
    odd = ['"', "\\", 'a "b\\" c', "NULL", "{,}", "Åse Ødegård", "line\nbreak", None]
    sent = [
        record("a", course, f"2025-06-{n:02}", "2027-05-31", number=each, note=each) for n, each in enumerate(odd, 1)
    ]
    assert bring_in(oslo, worker, sent)["state"] == "succeeded"
    assert [(one["number"], one["note"]) for one in licences(oslo)] == [(each, each) for each in odd]
    assert len({one["code"] for one in licences(oslo)}) == len(odd)


def test_a_party_that_is_erased_while_a_chunk_waits_for_it_gets_no_record(
    oslo: Org, worker: InProcessWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The chunk decides before it has the parties' locks, and decides again if a party has changed meanwhile."""
    lock, course = directory.lock_parties, oslo.with_course()
    bring_in(oslo, worker, [record("b", course, "2024-06-01", "2026-05-31")])  # makes the version of records

    def late(*given: Any) -> None:
        oslo.client().post("/v1/parties/a/erase")
        lock(*given)

    monkeypatch.setattr(directory, "lock_parties", late)
    job = submit(oslo.client(), [record(who, course, "2025-06-01", "2027-05-31") for who in "ab"])
    worker.drain(oslo.id)
    assert codes(oslo, job) == ["party-erased", "recorded"]
    assert len(licences(oslo)) == 2
