"""Revoking many licences by one job: named ones or those of a filter, always within the caller's folders."""

from typing import Any

import pytest

from shared.access import Permission
from tests.assignments.asking import codes, pages, read_job, recipients
from tests.drain import InProcessWorker
from tests.factories import Org, count_statements
from tests.feed import recorded
from tests.jobs.ground import carry_out
from tests.sessions.sitting import completed, problem

CREW = ("crew-1", "crew-2", "crew-3")
REASON = {"reason": "The instructor had no certificate"}
REVOKE = "/v1/licences/revoke"


@pytest.fixture
def session(org: Org, worker: InProcessWorker) -> str:
    """A completed session that the crew attended. They are in a folder."""
    made = completed(org, worker, *CREW)
    org.with_parties(*CREW, folder="drill-floor")
    return made


def licences(org: Org, **params: str) -> dict[str, dict[str, Any]]:
    """The latest licence of each party that fits the filter."""
    return {one["party"]["entityId"]: one for one in reversed(pages(org.client(), "/v1/licences", **params))}


def ids(org: Org) -> dict[str, str]:
    """The id of each party's latest licence."""
    return {party_id: one["id"] for party_id, one in licences(org).items()}


def by_filter(session: str, **more: Any) -> dict[str, Any]:
    """A revocation of what a session granted."""
    return {"filter": {"sessionId": session}, **REASON, **more}


def checked(org: Org, party_id: str) -> str:
    """The reason of the licence check for a party."""
    course = licences(org)[party_id]["courseId"]
    params = {"partyId": party_id, "courseId": course}
    reason: str = org.client().get("/v1/licences/check", params=params).json()["reason"]
    return reason


def test_a_preview_counts_what_the_job_then_does(org: Org, worker: InProcessWorker, session: str) -> None:
    found = ids(org)
    org.client().post(f"/v1/licences/{found['crew-1']}/revoke", json=REASON)
    before = len(recorded(org))
    sent = {"licenceIds": [*found.values(), str(session)], **REASON}
    preview = org.client().post(f"{REVOKE}/preview", json=sent).json()
    assert len(recorded(org)) == before
    counted = {one["code"]: (one["outcome"], one["count"], one["examples"]) for one in preview["outcomes"]}
    assert counted == {
        "revoked": ("succeeded", 2, ["crew-2", "crew-3"]),
        "already-revoked": ("unchanged", 1, ["crew-1"]),
        "licence-not-found": ("failed", 1, [session]),
    }
    job = carry_out(org, worker, REVOKE, sent)
    assert (job["kind"], job["state"]) == ("licences.revoke", "partially_succeeded")
    assert codes(org, job) == {
        "crew-1": "already-revoked",
        "crew-2": "revoked",
        "crew-3": "revoked",
        session: "licence-not-found",
    }
    results = {one["entityId"]: one["licenceId"] for one in pages(org.client(), f"/v1/jobs/{job['id']}/results")}
    assert results == {**found, session: None}
    assert {one["state"] for one in licences(org).values()} == {"revoked"}
    assert licences(org)["crew-2"]["revocation"]["reason"] == REASON["reason"]
    assert checked(org, "crew-2") == "revoked"


def test_each_revocation_is_recorded_as_that_of_one_licence_is(org: Org, worker: InProcessWorker, session: str) -> None:
    found = ids(org)
    org.client().post(f"/v1/licences/{found['crew-1']}/revoke", json=REASON)
    job = carry_out(org, worker, REVOKE, by_filter(session))
    first, *others = recorded(org, "licence.revoked")
    assert {one.subject for one in others} == {f"licence/{found[one]}" for one in CREW[1:]}
    for one in others:
        assert one.data == first.data | {"jobId": job["id"]}
        assert (one.actor_type, one.actor_id) == (first.actor_type, first.actor_id)


def test_a_filter_without_a_state_selects_what_is_not_revoked_and_leaves_out_exceptions(
    org: Org, worker: InProcessWorker, session: str
) -> None:
    found = ids(org)
    completed(org, worker, "crew-3")
    org.client().post(f"/v1/licences/{found['crew-1']}/revoke", json=REASON)
    job = carry_out(org, worker, REVOKE, by_filter(session, exceptIds=[found["crew-2"]]))
    assert codes(org, job) == {"crew-3": "revoked"}
    nothing = org.client().post(REVOKE, json=by_filter(session, exceptIds=[found["crew-2"]]))
    assert (nothing.status_code, nothing.json()["errors"][0]["pointer"]) == (422, "")
    ended = {"filter": {"expiresBefore": "2026-01-01"}, **REASON}
    assert org.client().post(f"{REVOKE}/preview", json=ended).json()["total"] == 0
    begun = {"filter": {"expiresAfter": "2026-01-01", "folderId": "drill-floor", "state": "active"}, **REASON}
    assert org.client().post(f"{REVOKE}/preview", json=begun).json()["total"] == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"filter": {}},
        {"filter": {"dueBefore": "2026-01-01"}},
        {"filter": {"expiresBefore": "soon"}},
        {"filter": {"all": True}, "licenceIds": ["019aa7c4-55ee-7f70-8b82-6daa5f904b50"]},
        {
            "licenceIds": ["019aa7c4-55ee-7f70-8b82-6daa5f904b50"],
            "exceptIds": ["019aa7c4-55ee-7f70-8b82-6daa5f904b50"],
        },
    ],
)
def test_a_selection_that_is_not_clear_is_refused(org: Org, wrong: dict[str, Any]) -> None:
    for path in (REVOKE, f"{REVOKE}/preview"):
        assert org.client().post(path, json=wrong | REASON).status_code == 422
    assert org.client().post(REVOKE, json={"filter": {"all": True}}).status_code == 422  # without a reason


def test_revoking_many_needs_what_revoking_one_needs(org: Org, session: str) -> None:
    manager = org.client(Permission.MANAGE_ASSIGNMENTS, Permission.VIEW, Permission.ASSIGN)
    one = f"/v1/licences/{ids(org)['crew-1']}/revoke"
    refusals = [
        manager.post(path, json=body)
        for path, body in (
            (one, REASON),
            (REVOKE, by_filter(session)),
            (f"{REVOKE}/preview", by_filter(session)),
        )
    ]
    assert [problem(refusal) for refusal in refusals] == [(403, "permission-denied")] * 3
    assert {refusal.json()["detail"] for refusal in refusals} == {refusals[0].json()["detail"]}


def test_a_caller_limited_to_folders_revokes_only_there(org: Org, worker: InProcessWorker, session: str) -> None:
    org.with_parties("crew-3", folder="ashore")
    inside = org.client(member="inside", folders=["drill-floor"])
    found = ids(org)
    preview = inside.post(f"{REVOKE}/preview", json=by_filter(session)).json()
    assert [(one["code"], one["examples"]) for one in preview["outcomes"]] == [("revoked", ["crew-1", "crew-2"])]
    named = inside.post(REVOKE, json={"licenceIds": list(found.values()), **REASON})
    org.with_parties("crew-2", folder="ashore")  # leaves the folders before the work
    worker.drain(org.id)
    assert codes(org, named.json()) == {
        "crew-1": "revoked",
        "crew-2": "licence-not-found",
        "crew-3": "licence-not-found",
    }
    shown = {one["entityId"]: one["code"] for one in pages(inside, f"/v1/jobs/{named.json()['id']}/results")}
    assert shown == {
        "crew-1": "revoked",
        found["crew-2"]: "licence-not-found",
        found["crew-3"]: "licence-not-found",
    }
    assert {one: licences(org)[one]["state"] for one in CREW} == {
        "crew-1": "revoked",
        "crew-2": "active",
        "crew-3": "active",
    }


def test_a_job_of_licences_is_seen_by_the_folders_of_their_parties(
    org: Org, worker: InProcessWorker, session: str
) -> None:
    org.with_parties(*CREW[1:], folder="ashore")
    inside = org.client(member="inside", folders=["drill-floor"])
    job = org.client().post(REVOKE, json=by_filter(session)).json()
    assert inside.get(f"/v1/jobs/{job['id']}").json()["counts"]["pending"] == 1
    worker.drain(org.id)
    seen = inside.get(f"/v1/jobs/{job['id']}").json()
    assert (seen["counts"]["total"], seen["counts"]["succeeded"], seen["request"]) == (1, 1, {"by": "licence"})
    results = inside.get(f"/v1/jobs/{job['id']}/results").json()["items"]
    assert [(one["entityId"], one["code"]) for one in results] == [("crew-1", "revoked")]
    assert problem(inside.post(f"/v1/jobs/{job['id']}/undo")) == (403, "out-of-scope")
    outside = org.client(member="outside", folders=["elsewhere"])
    assert problem(outside.get(f"/v1/jobs/{job['id']}")) == (404, "not-found")


def test_a_repetition_with_the_same_key_is_the_same_job(org: Org, worker: InProcessWorker, session: str) -> None:
    key, sent = {"Idempotency-Key": "strike-1"}, by_filter(session)
    sent["filter"] |= {"expiresAfter": "2026-01-01", "expiresBefore": "2099-01-01T00:00:00Z"}
    first = org.client().post(REVOKE, json=sent, headers=key)
    worker.drain(org.id)
    again = org.client().post(REVOKE, json=sent, headers=key)
    assert (again.status_code, again.json()["id"]) == (202, first.json()["id"])
    assert again.headers["Idempotent-Replayed"] == "true"
    other = org.client().post(REVOKE, json=by_filter(session, reason="Another"), headers=key)
    assert problem(other) == (422, "idempotency-key-reused")


def test_a_large_revocation_waits_for_a_second_member_who_may_revoke(
    org: Org, worker: InProcessWorker, session: str
) -> None:
    org.client().put("/v1/settings", json={"changeLimit": 2})
    job = carry_out(org, worker, REVOKE, by_filter(session))
    assert job["state"] == "awaiting_approval"
    manager = org.client(Permission.MANAGE_ASSIGNMENTS, member="manager")
    assert problem(manager.post(f"/v1/jobs/{job['id']}/approve")) == (403, "permission-denied")
    assert problem(org.client().post(f"/v1/jobs/{job['id']}/approve")) == (403, "other-member-needed")
    assert org.client(member="second").post(f"/v1/jobs/{job['id']}/approve").status_code == 200
    worker.drain(org.id)
    assert read_job(org, job)["counts"]["succeeded"] == 3


def test_an_amendment_grants_to_nobody_whom_a_job_revoked_by_hand_has_struck_unless_another_member_says_so(
    org: Org, worker: InProcessWorker, session: str
) -> None:
    carry_out(org, worker, REVOKE, by_filter(session))
    amend = f"/v1/sessions/{session}/amend"
    found = {}
    for member, after in (("member-1", False), ("member-1", True), ("second", True)):
        sent = {"add": recipients("crew-1"), "afterRevocation": after, **REASON}
        answer = org.client(member=member).post(amend, json=sent)
        assert answer.status_code == 202, answer.text
        worker.drain(org.id)
        found[member, after] = codes(org, answer.json())["crew-1"]
    assert list(found.values()) == ["licence-revoked", "other-member-needed", "licence-granted"]


def test_a_chunk_of_any_size_takes_the_same_statements(
    org: Org, worker: InProcessWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.jobs.actions.SMALLEST_CHUNK", 400)
    sent: list[list[list[str]]] = []
    for size in (3, 300):
        session = completed(org, worker, *(f"{size}-{n}" for n in range(size)))
        job = org.client().post(REVOKE, json=by_filter(session)).json()
        done = [job, {}]
        kinds = []
        for n in range(2):
            with count_statements(worker.database.engine) as counted:
                worker.deliver("jobs.run", org.id)
            worker.messages.clear()
            kinds.append(counted.sent)
            if n == 0:
                done[1] = org.client().post(f"/v1/jobs/{job['id']}/undo").json()
        assert [read_job(org, one)["counts"]["succeeded"] for one in done] == [size, size]
        sent.append(kinds)
    assert sent[0] == sent[1]
    assert [len(each) for each in sent[0]] < [25, 30]
