"""Amending a completed session: added parties are licensed, removed parties lose their licence, all others stay."""

from datetime import UTC, datetime

import pytest
import time_machine

from tests.assignments.asking import assign, body, codes, deactivate, parties, recipients
from tests.drain import InProcessWorker
from tests.factories import Org
from tests.feed import recorded, subjects
from tests.sessions.sitting import add, amend, attend, complete, completed, held, outcomes, roster, schedule


def test_added_parties_are_licensed_and_removed_parties_lose_the_licence(org: Org, worker: InProcessWorker) -> None:
    org.with_parties("party-4")
    session_id = completed(org, worker, "party-1", "party-2", "party-3")
    before = held(org)
    with time_machine.travel("2026-12-24T12:00:00Z", tick=False):
        job = amend(org, worker, session_id, add=("party-4",), remove=("party-2",))
    assert (job["kind"], job["state"]) == ("sessions.amend", "succeeded")
    assert codes(org, job) == {"party-4": "licence-granted", "party-2": "removed"}
    assert outcomes(org, session_id) == {
        "party-1": "licensed",
        "party-2": "removed",
        "party-3": "licensed",
        "party-4": "licensed",
    }
    after = held(org)
    assert (after["party-2"][0].revoked_at is not None, after["party-2"][0].revocation_reason) == (
        True,
        "The list was another day's",
    )
    assert after["party-4"][0].granted_at == datetime(2026, 12, 24, 12, tzinfo=UTC)
    assert [after[one][0].revision for one in ("party-1", "party-3")] == [before["party-1"][0].revision] * 2
    (event,) = recorded(org, "session.amended")
    assert (event.subject, event.data["added"], event.data["removed"]) == (f"session/{session_id}", 1, 1)
    assert [event.party_id for event in recorded(org, "licence.revoked")] == ["party-2"]
    entries = roster(org, session_id)
    assert {one for one, entry in entries.items() if entry["amendedAt"]} == {"party-2", "party-4"}


def test_results_name_the_granted_or_revoked_licence(org: Org, worker: InProcessWorker) -> None:
    org.with_parties("party-2")
    session_id = completed(org, worker, "party-1")
    job = amend(org, worker, session_id, add=("party-2",), remove=("party-1",))
    items = org.client().get(f"/v1/jobs/{job['id']}/results").json()["items"]
    found = held(org)
    assert {one["entityId"]: one["licenceId"] for one in items} == {
        party: str(found[party][0].id) for party in ("party-1", "party-2")
    }


def test_a_party_that_was_marked_absent_can_be_added(org: Org, worker: InProcessWorker) -> None:
    org.with_parties("party-1", "party-2")
    course = org.with_course()
    assign(org, worker, body(course, "party-1"))
    session_id = schedule(org, course)
    add(org, session_id, "party-1", "party-2")
    attend(org, session_id, "party-1", "absent")
    complete(org, worker, session_id)
    deactivate(org, "party-1")  # it has left since, but it attended
    job = amend(org, worker, session_id, add=("party-1",))
    assert codes(org, job) == {"party-1": "licence-granted"}
    entry = roster(org, session_id)["party-1"]
    assert (entry["attendance"], entry["outcome"]) == ("attended", "licensed")
    (owed,) = org.client().get("/v1/assignments").json()["items"]
    assert (owed["state"], owed["completion"]["method"]) == ("completed", "session")


def test_a_party_that_cannot_be_added_or_removed_gets_a_code(org: Org, worker: InProcessWorker) -> None:
    org.with_parties("absent", "licensed", "revoked", "idle", "elsewhere")
    deactivate(org, "idle")
    session_id = schedule(org)
    add(org, session_id, "absent", "licensed", "revoked")
    attend(org, session_id, "absent", "absent")
    complete(org, worker, session_id)
    (licence,) = held(org)["revoked"]
    org.client().post(f"/v1/licences/{licence.id}/revoke", json={"reason": "By hand"})
    before = held(org)
    job = amend(
        org,
        worker,
        session_id,
        add=("licensed", "revoked", "idle", "unknown-1"),
        remove=("absent", "elsewhere", "unknown-2"),
    )
    assert codes(org, job) == {
        "licensed": "already-licensed",
        "revoked": "licence-revoked",
        "idle": "party-inactive",
        "unknown-1": "party-not-found",
        "absent": "not-licensed",
        "elsewhere": "not-licensed",
        "unknown-2": "party-not-found",
    }
    assert (job["state"], job["counts"]["succeeded"]) == ("partially_succeeded", 0)
    assert {one: [each.revision for each in licences] for one, licences in held(org).items()} == {
        one: [each.revision for each in licences] for one, licences in before.items()
    }
    assert outcomes(org, session_id) == {"absent": "not-attended", "licensed": "licensed", "revoked": "revoked"}


def test_a_party_outside_the_callers_folders_is_neither_added_nor_removed(org: Org, worker: InProcessWorker) -> None:
    session_id = completed(org, worker, "ours")
    org.with_parties("mine", "ours", folder="mine")
    org.with_parties("theirs", folder="theirs")
    client = org.client(folders=["mine"])
    sent = {"add": recipients("mine", "theirs"), "remove": recipients("unknown"), "reason": "x"}
    job = client.post(f"/v1/sessions/{session_id}/amend", json=sent).json()
    worker.drain(org.id)
    assert codes(org, job) == {"mine": "licence-granted", "theirs": "party-not-found", "unknown": "party-not-found"}
    assert outcomes(org, session_id) == {"mine": "licensed", "ours": "licensed"}


def test_revoking_a_licence_restores_the_licence_that_it_superseded(org: Org, worker: InProcessWorker) -> None:
    course = org.with_course()
    org.with_parties("party-1")
    both = []
    for _ in range(2):
        session_id = schedule(org, course)
        add(org, session_id, "party-1")
        complete(org, worker, session_id)
        both.append(session_id)
    amend(org, worker, both[1], remove=("party-1",))
    first, second = held(org)["party-1"]
    assert (first.superseded_at, second.revoked_at is not None) == (None, True)
    assert subjects(org, "licence.restored") == [f"licence/{first.id}"]


def test_the_roster_of_a_course_without_licences_is_amended(org: Org, worker: InProcessWorker) -> None:
    org.with_parties("party-3")
    session_id = completed(org, worker, "party-1", "party-2", licenceMonths=None)
    job = amend(org, worker, session_id, add=("party-1", "party-3"), remove=("party-2",))
    assert codes(org, job) == {"party-1": "already-completed", "party-2": "removed", "party-3": "attended"}
    assert outcomes(org, session_id) == {"party-1": "completed", "party-2": "removed", "party-3": "completed"}
    job = amend(org, worker, session_id, add=("party-2",), remove=("party-3",))
    assert codes(org, job) == {"party-2": "attended", "party-3": "removed"}
    assert outcomes(org, session_id) == {"party-1": "completed", "party-2": "completed", "party-3": "removed"}


@pytest.mark.parametrize(("adding", "removing"), [(3, 1), (1, 3), (0, 4), (4, 0)])
def test_an_amendment_is_stored_by_its_shorter_list(
    org: Org, worker: InProcessWorker, adding: int, removing: int
) -> None:
    """The job's request has only the shorter list: its recipients are the parties of both."""
    there, missing = parties(removing), parties(adding, first=50)
    org.with_parties("stays", *there, *missing)
    session_id = completed(org, worker, "stays", *there)
    job = amend(org, worker, session_id, add=tuple(missing), remove=tuple(there))
    expected = dict.fromkeys(there, "removed") | dict.fromkeys(missing, "licence-granted")
    assert codes(org, job) == expected
    assert len(job["request"].get("added", []) + job["request"].get("removed", [])) == min(adding, removing) or not (
        adding and removing
    )
