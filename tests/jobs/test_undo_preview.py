"""The preview of an undo: exactly what the undo then does, of every kind of job, and nothing is written."""

from collections import Counter
from typing import Any

import pytest

from shared.access import Permission
from tests.assignments.asking import assign, body, codes, pages, parties
from tests.drain import InProcessWorker
from tests.factories import Org
from tests.jobs.ground import ACTS, Ground, carry_out, state
from tests.sessions.sitting import problem


def touch(org: Org) -> None:
    """Change something that each kind of job may have done: an assignment, a completion, a licence."""
    client = org.client()
    done = pages(client, "/v1/assignments")
    for wanted, path in (("assigned", "close"), ("completed", "reopen"), ("closed", "reopen")):
        one = next((one for one in done if one["state"] == wanted), None)
        if one is not None:
            client.post(f"/v1/assignments/{one['id']}/{path}", json={"reason": "By hand"})
    for licence in pages(client, "/v1/licences", state="active")[:1]:
        client.post(f"/v1/licences/{licence['id']}/revoke", json={"reason": "By hand"})


@pytest.mark.parametrize("act", ACTS)
def test_the_preview_counts_what_the_undo_then_does(org: Org, worker: InProcessWorker, act: str) -> None:
    ground = Ground(org, worker, "completion" if "complete" in act else "session")
    done = ACTS[act](org, ground)
    touch(org)
    before = state(org)
    answer = org.client().post(f"/v1/jobs/{done['id']}/undo/preview")
    assert answer.status_code == 200, answer.text
    preview = answer.json()
    assert state(org) == before
    undone = carry_out(org, worker, f"/v1/jobs/{done['id']}/undo")
    results: Any = pages(org.client(), f"/v1/jobs/{undone['id']}/results", limit=500)
    assert {one["code"]: one["count"] for one in preview["outcomes"]} == Counter(one["code"] for one in results)
    assert preview["total"] == undone["counts"]["total"] > 0
    assert undone["counts"]["succeeded"] > 0


def test_the_preview_names_the_parties_of_what_was_touched(org: Org, worker: InProcessWorker) -> None:
    org.with_parties(*parties(3))
    job = assign(org, worker, body(org.with_course(), *parties(3)))
    (one, *_) = pages(org.client(), "/v1/assignments", partyId=parties(3)[1])
    org.client().post(f"/v1/assignments/{one['id']}/complete")
    outcomes = org.client().post(f"/v1/jobs/{job['id']}/undo/preview").json()["outcomes"]
    assert {each["code"]: each["examples"] for each in outcomes} == {
        "closed": [parties(3)[0], parties(3)[2]],
        "touched-since": [parties(3)[1]],
    }


def test_a_job_that_cannot_be_undone_has_no_preview_and_permissions_are_those_of_the_undo(
    org: Org, worker: InProcessWorker
) -> None:
    org.with_parties(*parties(2))
    job = assign(org, worker, body(org.with_course(), *parties(2)))
    address = f"/v1/jobs/{job['id']}/undo"
    assert org.client(Permission.ASSIGN, Permission.VIEW).post(f"{address}/preview").status_code == 403
    reminded = carry_out(org, worker, "/v1/assignments/remind", {"jobId": job["id"]})
    assert problem(org.client().post(f"/v1/jobs/{reminded['id']}/undo/preview")) == (409, "cannot-undo")
    carry_out(org, worker, address)
    assert problem(org.client().post(f"{address}/preview")) == (409, "cannot-undo")


# --- retry of one code


def test_only_those_who_failed_with_a_code_are_retried(org: Org, worker: InProcessWorker) -> None:
    org.with_parties(*parties(2))
    org.client().put("/v1/parties", json={"parties": [{"entityId": parties(2)[1], "active": False}]})
    job = assign(org, worker, body(org.with_course(), *parties(2), "late"))
    client, address = org.client(), f"/v1/jobs/{job['id']}/retry"
    org.with_parties("late")
    retried = carry_out(org, worker, address, {"code": "party-not-found"})
    assert (retried["retryOf"], retried["counts"]["total"]) == (job["id"], 1)
    assert codes(org, retried) == {"late": "created"}
    assert problem(client.post(address, json={"code": "out-of-scope"})) == (409, "nothing-to-retry")
    assert client.post(address, json={"code": "no-such-code"}).json()["errors"][0]["pointer"] == "/code"
    assert carry_out(org, worker, address)["counts"]["total"] == 2
