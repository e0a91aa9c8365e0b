"""The caller's own assignments: those of the party that a member represents."""

from typing import Any

from shared import access, clock
from tests.assignments.links import assign
from tests.drain import InProcessWorker
from tests.factories import OPERATOR, Org


def mine(org: Org, party: str | None, **params: Any) -> Any:
    client = org.stranger()
    client.headers["Authorization"] = f"Bearer {org.token(member='m-1', party=party)}"
    return client.get("/v1/me/assignments", params=params)


def test_a_party_reads_its_open_assignments_by_due_date_and_then_its_completed_ones(
    org: Org, worker: InProcessWorker
) -> None:
    org.with_parties("crew-1", "crew-2")
    whenever, second, first, done, closed = (
        assign(org, worker, org.with_course(), due_on=due_on)
        for due_on in (None, "2099-02-01", "2099-01-01", "2099-01-01", "2099-01-01")
    )
    assign(org, worker, org.with_course(), party_id="crew-2")
    org.client().post(f"/v1/assignments/{done}/complete")
    org.client().post(f"/v1/assignments/{closed}/close", json={"reason": "Left"})

    seen: list[str] = []
    cursor: str | None = None
    while cursor is not None or not seen:
        answer = mine(org, "crew-1", limit=2, **({"cursor": cursor} if cursor else {}))
        assert answer.status_code == 200, answer.text
        seen += [item["id"] for item in answer.json()["items"]]
        cursor = answer.json()["nextCursor"]
    assert seen == [first, second, whenever, done]


def test_a_member_who_represents_no_party_has_no_assignments(org: Org) -> None:
    assert mine(org, None).json() == {"items": [], "nextCursor": None}


def test_without_training_a_party_cannot_read_its_assignments(org: Org) -> None:
    with org.transaction() as db:
        access.enable(db, training=False, actor=OPERATOR, now=clock.now())
    refused = mine(org, "crew-1")
    assert (refused.status_code, refused.json()["reason"]) == (403, "disabled")
