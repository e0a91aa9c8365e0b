"""Erasing a party blanks what its records say of documents and people, and nothing else of them."""

from tests.drain import InProcessWorker
from tests.factories import Org
from tests.licences.dating import check
from tests.records.importing import bring_in, licences, record, results
from tests.traces import stored

MARK = "Quillfeather"


def test_number_issuer_and_note_of_an_erased_party_are_found_nowhere(oslo: Org, worker: InProcessWorker) -> None:
    course = oslo.with_course()
    about = {"issuer": f"{MARK} school", "note": f"By {MARK}"}
    sent = [record("a", course, "2026-01-01", number=f"{MARK}-{n}", **about) for n in (1, 2)]
    job = bring_in(oslo, worker, [*sent, record("a", course, "2026-01-01", versionLabel="v0", **about)])
    assert [one["code"] for _, one in sorted(results(oslo, job).items())] == [
        "recorded",
        "recorded",
        "version-not-found",
    ]
    oslo.client().post("/v1/parties/a/erase")
    assert not [row for rows in stored(oslo).values() for row in rows if MARK in row]
    assert {(one["number"], one["issuer"], one["note"]) for one in licences(oslo)} == {(None, None, None)}
    assert check(oslo, course)["licensed"]
