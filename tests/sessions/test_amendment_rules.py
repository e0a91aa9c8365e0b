"""Which amendments are accepted, and amendments that are repeated or meet a retry of the completion."""

from datetime import datetime
from typing import Any

import pytest

from tests.assignments.asking import codes, recipients
from tests.drain import InProcessWorker
from tests.factories import Org
from tests.feed import subjects
from tests.sessions.sitting import accept, add, amend, complete, completed, held, outcomes, pointers, problem, schedule


@pytest.mark.parametrize("state", ["scheduled", "completing", "cancelled"])
def test_only_a_completed_session_can_be_amended(org: Org, state: str) -> None:
    org.with_parties("party-1")
    session_id = schedule(org)
    add(org, session_id, "party-1")
    if state == "completing":
        accept(org, session_id)
    if state == "cancelled":
        org.client().post(f"/v1/sessions/{session_id}/cancel", json={"reason": "Storm"})
    answer = org.client().post(f"/v1/sessions/{session_id}/amend", json={"add": recipients("party-1"), "reason": "x"})
    assert problem(answer) == (409, "session-cancelled" if state == "cancelled" else "session-not-completed")


@pytest.mark.parametrize(
    ("sent", "at"),
    [
        ({"reason": "x"}, [""]),
        ({"add": recipients("a"), "reason": " "}, ["/reason"]),
        ({"add": recipients("a", "b"), "remove": recipients("c", "b"), "reason": "x"}, ["/remove/1/entityId"]),
        ({"add": [{"entityType": "member", "entityId": "a"}], "reason": "x"}, ["/add/0/entityType"]),
    ],
)
def test_a_wrong_field_of_an_amendment_is_named(
    org: Org, worker: InProcessWorker, sent: dict[str, Any], at: list[str]
) -> None:
    session_id = completed(org, worker, "party-1")
    assert pointers(org.client().post(f"/v1/sessions/{session_id}/amend", json=sent)) == at


def test_a_repeated_key_returns_the_same_amendment(org: Org, worker: InProcessWorker) -> None:
    org.with_parties("party-2")
    session_id = completed(org, worker, "party-1")
    sent = {"add": recipients("party-2"), "reason": "x"}
    client, key = org.client(), {"Idempotency-Key": "amendment-1"}
    first, again = (client.post(f"/v1/sessions/{session_id}/amend", json=sent, headers=key) for _ in range(2))
    assert (first.json()["id"], again.headers["idempotent-replayed"]) == (again.json()["id"], "true")
    assert len(subjects(org, "session.amended")) == 1


def test_a_retry_after_an_amendment_licenses_no_party_twice(
    org: Org, worker: InProcessWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All three parties failed in the completion. Amendments add two and remove one again; then all are retried."""
    org.with_parties("party-1", "party-2", "party-3")
    session_id = schedule(org)
    add(org, session_id, "party-1", "party-2", "party-3")

    def fails(*_: object) -> None:
        raise RuntimeError("this party cannot be licensed")

    with monkeypatch.context() as patch:
        patch.setattr("shared.licences.grant", fails)
        job = complete(org, worker, session_id)
    assert (job["state"], set(outcomes(org, session_id).values())) == ("failed", {"failed"})
    amend(org, worker, session_id, add=("party-1",))
    amend(org, worker, session_id, add=("party-2",))
    amend(org, worker, session_id, remove=("party-2",))
    retried = org.client().post(f"/v1/jobs/{job['id']}/retry").json()
    worker.drain(org.id)
    assert codes(org, retried) == {
        "party-1": "already-licensed",
        "party-2": "not-on-roster",
        "party-3": "licence-granted",
    }
    found = held(org)
    assert {one: len(licences) for one, licences in found.items()} == dict.fromkeys(found, 1)
    assert found["party-3"][0].granted_at == datetime.fromisoformat(job["submittedAt"])
