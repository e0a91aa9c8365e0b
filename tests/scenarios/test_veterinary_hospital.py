"""The veterinary hospital of the assignments document: 230 parties, 195 with member accounts and 35 without."""

import pytest
import time_machine
from fastapi import FastAPI

from api.http.parts import Parts
from shared.access import Permission
from tests.drain import InProcessWorker
from tests.factories import Org, add_org

STAFF = [f"staff-{n:03}" for n in range(195)]
LOCUMS = [f"locum-{n:03}" for n in range(35)]


@pytest.fixture
def hospital(app: FastAPI, parts: Parts) -> Org:
    """An organization with 230 parties in two folders, in the time zone of Chicago."""
    org = add_org(app, parts, time_zone="America/Chicago")
    org.with_parties(*STAFF, folder="staff")
    org.with_parties(*LOCUMS, folder="locum-partners")
    return org


def test_an_annual_refresh_is_assigned_completed_in_two_ways_and_reported(
    hospital: Org, worker: InProcessWorker
) -> None:
    # The clinical operations team publishes v4.0 on 2026-04-15; the lead assigns it to all 230.
    with time_machine.travel("2026-04-15T15:00:00Z", tick=False):
        course = hospital.with_course(title="Rabies handling refresh", label="v4.0")
        lead = hospital.client(Permission.VIEW, Permission.ASSIGN, member="operations-lead")
        body = {
            "courseId": course,
            "recipients": [{"entityType": "party", "entityId": party} for party in STAFF + LOCUMS],
            "reason": "Annual rabies handling program 2026.",
            "dueOn": "2026-06-14",
        }
        accepted = lead.post("/v1/assignments", json=body)
        worker.drain(hospital.id)
        assert lead.get(accepted.headers["Location"]).json()["counts"]["succeeded"] == 230
    open_ones = {item["party"]["entityId"]: item["id"] for item in everything(hospital, state="assigned")}
    assert len(open_ones) == 230

    # 195 parties have member accounts: each completes the course as a member, recorded with that member as actor.
    with time_machine.travel("2026-05-20T15:00:00Z", tick=False):
        for party in STAFF[:190]:
            client = hospital.stranger()
            client.headers["Authorization"] = f"Bearer {hospital.token(member=f'm-{party}', party=party)}"
            done = client.post(f"/v1/assignments/{open_ones[party]}/complete")
            assert (done.status_code, done.json()["completion"]["by"]["id"]) == (200, f"m-{party}")

    # 35 have none: each completes it through a public session that names the assignment, recorded with the party.
    with time_machine.travel("2026-06-01T15:00:00Z", tick=False):
        public_sessions = hospital.client(Permission.COMPLETE_SESSION_TASKS, member="public-sessions")
        for n, party in enumerate(LOCUMS[:33]):
            task = {"taskType": "training_complete", "assignmentId": open_ones[party], "sessionId": f"public-{n}"}
            done = public_sessions.post("/v1/session-tasks/complete", json=task)
            assert done.status_code == 200, done.text
            assert done.json()["completion"]["by"] == {"type": "party", "id": party}

    # On 2026-06-15 the lead reads which assignments are incomplete, to contact those parties.
    with time_machine.travel("2026-06-15T15:00:00Z", tick=False):
        incomplete = everything(hospital, state="assigned", overdue="true", sort="due")
        assert sorted(item["party"]["entityId"] for item in incomplete) == sorted(STAFF[190:] + LOCUMS[33:])
        lead = hospital.client(Permission.VIEW, member="operations-lead")  # a new token: that of April has expired
        (row,) = lead.get("/v1/assignments/summary").json()["items"]
        assert (row["assigned"], row["completed"], row["overdue"]) == (7, 223, 7)
        as_csv = lead.get("/v1/assignments", params={"state": "assigned"}, headers={"Accept": "text/csv"})
        assert len(as_csv.text.splitlines()) == 1 + 7


def everything(org: Org, **filters: str) -> list[dict[str, dict[str, str]]]:
    """Return all matching assignments. Fails if they do not fit on one page."""
    page = org.client(Permission.VIEW).get("/v1/assignments", params=filters | {"limit": "500"}).json()
    assert page["nextCursor"] is None
    items: list[dict[str, dict[str, str]]] = page["items"]
    return items
