"""Taking back what a session gave: undo of its completion, amending again, reinstating it."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from shared.access import Permission
from shared.jobs import Chunk
from shared.licences import Licence, revoke_granted
from tests.assignments.asking import codes, pages, recipients
from tests.drain import InProcessWorker
from tests.factories import Org
from tests.jobs.ground import EVERYBODY, Ground, sit, state
from tests.sessions.sitting import problem, roster


def test_a_session_whose_completion_was_undone_is_completed_again_by_a_new_job(
    org: Org, worker: InProcessWorker
) -> None:
    ground = Ground(org, worker, "session")
    first = sit(org, ground)
    ground.job(org, f"/v1/jobs/{first['id']}/undo")
    assert {entry["outcome"] for entry in roster(org, ground.session).values()} == {None}
    second = sit(org, ground)
    assert (second["id"] != first["id"], second["counts"]["succeeded"]) == (True, 5)
    assert {entry["outcome"] for entry in roster(org, ground.session).values()} == {"licensed"}


def test_a_licence_that_was_corrected_since_keeps_the_session_completed(org: Org, worker: InProcessWorker) -> None:
    ground = Ground(org, worker, "session")
    done = sit(org, ground)
    kept = roster(org, ground.session)[EVERYBODY[1]]["licenceId"]
    corrected = {"expiresAt": "2099-01-01T00:00:00Z", "reason": "Typing error"}
    assert org.client().patch(f"/v1/licences/{kept}", json=corrected).status_code == 200
    undone = ground.job(org, f"/v1/jobs/{done['id']}/undo")
    assert codes(org, undone)[EVERYBODY[1]] == "touched-since"
    assert org.client().get(f"/v1/sessions/{ground.session}").json()["state"] == "completed"
    outcomes = {party: entry["outcome"] for party, entry in roster(org, ground.session).items()}
    assert outcomes == dict.fromkeys(EVERYBODY[:5], "removed") | {EVERYBODY[1]: "licensed"}


def test_a_completion_is_not_undone_while_an_amendment_works(org: Org, worker: InProcessWorker) -> None:
    ground = Ground(org, worker, "session")
    done = sit(org, ground)
    sent = {"add": recipients(EVERYBODY[5]), "reason": "Forgotten"}
    assert org.client().post(f"/v1/sessions/{ground.session}/amend", json=sent).status_code == 202
    assert problem(org.client().post(f"/v1/jobs/{done['id']}/undo")) == (409, "cannot-undo")


def test_the_undo_of_a_large_completion_waits_for_a_second_member_who_may_reject_it(
    org: Org, worker: InProcessWorker
) -> None:
    ground = Ground(org, worker, "session")
    done = sit(org, ground)
    before = state(org)
    org.client().put("/v1/settings", json={"changeLimit": 1})
    job = org.client().post(f"/v1/jobs/{done['id']}/undo").json()
    assert job["state"] == "awaiting_approval"
    assert problem(org.client().post(f"/v1/sessions/{ground.session}/amend", json={"reason": "x"}))[0] in (409, 422)
    one = f"/v1/jobs/{job['id']}"
    without_licences = org.client(Permission.MANAGE_ASSIGNMENTS, member="member-2")
    assert problem(without_licences.post(f"{one}/approve")) == (403, "permission-denied")
    assert org.client(member="member-2").post(f"{one}/reject", json={"reason": "No"}).json()["state"] == "cancelled"
    assert state(org) == before
    again = org.client().post(f"/v1/jobs/{done['id']}/undo").json()
    assert again["id"] != job["id"]
    assert org.client(member="member-2").post(f"/v1/jobs/{again['id']}/approve").status_code == 200
    worker.drain(org.id)
    assert org.client().get(f"/v1/sessions/{ground.session}").json()["state"] == "scheduled"


def test_the_undo_of_a_completion_needs_the_permission_of_staff(org: Org, worker: InProcessWorker) -> None:
    ground = Ground(org, worker, "session")
    done = sit(org, ground)
    manager = org.client(Permission.MANAGE_ASSIGNMENTS, Permission.VIEW)
    assert problem(manager.post(f"/v1/jobs/{done['id']}/undo")) == (403, "permission-denied")


def test_the_retry_of_an_undo_schedules_the_session_when_it_ends(
    org: Org, worker: InProcessWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    ground = Ground(org, worker, "session")
    done = sit(org, ground)
    with monkeypatch.context() as broken:
        broken.setattr("shared.licences.revoke_granted", fail_for(EVERYBODY[1]))
        undone = ground.job(org, f"/v1/jobs/{done['id']}/undo")
    assert codes(org, undone) == dict.fromkeys(EVERYBODY[:5], "taken-back") | {EVERYBODY[1]: "processing-failed"}
    assert org.client().get(f"/v1/sessions/{ground.session}").json()["state"] == "completed"
    again = ground.job(org, f"/v1/jobs/{undone['id']}/retry")
    assert codes(org, again) == {EVERYBODY[1]: "taken-back"}
    assert org.client().get(f"/v1/sessions/{ground.session}").json()["state"] == "scheduled"


def fail_for(party_id: str) -> Callable[..., int]:
    """A `revoke_granted` that fails for a chunk with this party."""

    def revoke(db: Session, chunk: Chunk, *rest: Any) -> int:
        if party_id in db.scalars(chunk.recipients).all():
            raise RuntimeError("made up")
        return revoke_granted(db, chunk, *rest)

    return revoke


def amend(org: Org, ground: Ground, member: str = "member-1", **sent: Any) -> dict[str, str]:
    """Amends the session as a member. Returns the code of each party."""
    client = org.client(member=member)
    answer = client.post(f"/v1/sessions/{ground.session}/amend", json={"reason": "The list was wrong", **sent})
    assert answer.status_code == 202, answer.text
    ground.worker.drain(org.id)
    return codes(org, answer.json())


def test_an_amendment_adds_again_whom_an_amendment_removed(org: Org, worker: InProcessWorker) -> None:
    ground = Ground(org, worker, "session")
    sit(org, ground)
    one = recipients(EVERYBODY[2])
    assert amend(org, ground, remove=one) == {EVERYBODY[2]: "removed"}
    assert amend(org, ground, add=one) == {EVERYBODY[2]: "licence-granted"}
    assert roster(org, ground.session)[EVERYBODY[2]]["outcome"] == "licensed"
    with org.transaction() as db:
        mine = Licence.party_id == EVERYBODY[2], Licence.session_id.is_not(None)
        of_party = db.scalars(select(Licence).where(*mine)).all()
        assert sorted(licence.revoked_at is None for licence in of_party) == [False, True]


def test_after_a_revocation_by_hand_only_another_member_grants_again(org: Org, worker: InProcessWorker) -> None:
    ground = Ground(org, worker, "session")
    sit(org, ground)
    licence = roster(org, ground.session)[EVERYBODY[2]]["licenceId"]
    org.client().post(f"/v1/licences/{licence}/revoke", json={"reason": "He slept"})
    one = recipients(EVERYBODY[2])
    assert amend(org, ground, add=one) == {EVERYBODY[2]: "licence-revoked"}
    assert amend(org, ground, add=one, afterRevocation=True) == {EVERYBODY[2]: "other-member-needed"}
    assert amend(org, ground, "member-2", add=one, afterRevocation=True) == {EVERYBODY[2]: "licence-granted"}
    (told,) = [
        event
        for event in pages(org.client(), "/v1/audit/events", types="licence.granted", limit=500)
        if event["data"].get("revokedBy")
    ]
    assert (told["data"]["revokedBy"]["id"], told["data"]["actor"]["id"]) == ("member-1", "member-2")


def test_a_cancelled_session_is_reinstated_with_its_roster(org: Org, worker: InProcessWorker) -> None:
    ground = Ground(org, worker, "session")
    one = f"/v1/sessions/{ground.session}"
    assert problem(org.client().post(f"{one}/reinstate", json={"reason": "x"})) == (409, "session-not-cancelled")
    org.client().post(f"{one}/cancel", json={"reason": "Storm"})
    answer = org.client().post(f"{one}/reinstate", json={"reason": "It blew over"})
    assert (answer.status_code, answer.json()["state"], answer.json()["rosterSize"]) == (200, "scheduled", 5)
