"""The offshore drilling contractor of the assignments document: 2,000 parties, courses assigned by role."""

import pytest
import time_machine
from fastapi import FastAPI
from fastapi.testclient import TestClient

from api.http.parts import Parts
from shared.access import Permission
from tests.drain import InProcessWorker
from tests.factories import Org, add_org

DRILL_FLOOR = [f"crew-{n:04}" for n in range(1500)]
INSPECTORS = [f"inspector-{n:03}" for n in range(300)]
PORT_AGENTS = [f"agent-{n:03}" for n in range(200)]
REASON = "HSE program annual refresh, Q2 2026"


@pytest.fixture
def contractor(app: FastAPI, parts: Parts) -> Org:
    """An organization with 2,000 parties in three folders, in the time zone of Oslo."""
    org = add_org(app, parts, time_zone="Europe/Oslo")
    org.with_parties(*DRILL_FLOOR, folder="drill-floor-crew")
    org.with_parties(*INSPECTORS, folder="third-party-inspectors")
    org.with_parties(*PORT_AGENTS, folder="port-agents")
    return org


def test_an_hse_team_assigns_a_course_to_2000_parties_records_completions_and_reports(
    contractor: Org, worker: InProcessWorker
) -> None:
    # The HSE team publishes a new version of "Hydrogen-sulfide response" in the catalogue.
    course = contractor.with_course(title="Hydrogen-sulfide response", code="H2S", label="v3.1")
    contractor.publish(course, "v3.2")
    other = contractor.with_course(title="Working at height", code="WAH", label="v2.1")

    # The coordinator opens the catalogue, picks the course and a folder, provides a reason, and submits.
    coordinator = contractor.client(Permission.VIEW, Permission.ASSIGN, member="coordinator")
    catalogue = coordinator.get("/v1/courses").json()["items"]
    picked = next(item for item in catalogue if item["title"] == "Hydrogen-sulfide response")
    assert picked["activeVersion"]["label"] == "v3.2"
    with time_machine.travel("2026-04-01T08:00:00Z", tick=False):
        body = {"courseId": course, "reason": REASON, "dueOn": "2026-06-30"}
        folders = ["drill-floor-crew", "third-party-inspectors", "port-agents"]
        accepted = coordinator.post("/v1/assignments", json=body | {"folderIds": folders})
        assert accepted.status_code == 202
        worker.drain(contractor.id)
        job = coordinator.get(accepted.headers["Location"]).json()
        assert (job["state"], job["counts"]["succeeded"]) == ("succeeded", 2000)
        one_by_one = [{"entityType": "party", "entityId": party} for party in INSPECTORS]
        coordinator.post("/v1/assignments", json={"courseId": other, "reason": REASON, "recipients": one_by_one})
        worker.drain(contractor.id)

    # As each party completes the course, completion is recorded with the actor: here a supervisor, after a drill.
    supervisor = contractor.client(Permission.COMPLETE, member="toolpusher", folders=["drill-floor-crew"])
    with time_machine.travel("2026-05-10T08:00:00Z", tick=False):
        signed = supervisor.post(
            "/v1/assignments/complete",
            json={"courseId": course, "folderIds": ["drill-floor-crew"], "occurredOn": "2026-05-09"},
        )
        worker.drain(contractor.id)
    assert coordinator.get(signed.headers["Location"]).json()["counts"]["succeeded"] == 1500

    # At any time, the HSE team can list assignments filtered by course, folder, completion status and due date.
    with time_machine.travel("2026-07-01T08:00:00Z", tick=False):
        hse = contractor.client(Permission.VIEW, member="hse")
        assert count(hse, courseId=course) == 2000
        assert count(hse, courseId=other) == 300
        assert count(hse, courseId=course, folderId="drill-floor-crew", state="completed") == 1500
        assert count(hse, courseId=course, state="assigned") == 500
        assert count(hse, overdue="true") == 500
        assert count(hse, dueBefore="2026-07-01") == 2000
        assert count(hse, dueBefore="2026-06-30") == 0
        report = hse.get("/v1/assignments/summary", params={"by": "folder"}).json()["items"]
        assert {item["id"]: (item["assigned"], item["completed"], item["overdue"]) for item in report} == {
            "drill-floor-crew": (0, 1500, 0),
            "port-agents": (200, 0, 200),
            "third-party-inspectors": (600, 0, 300),
        }
        by_course = hse.get("/v1/assignments/summary").json()["items"]
        assert {item["name"]: (item["assigned"], item["completed"]) for item in by_course} == {
            "Hydrogen-sulfide response": (500, 1500),
            "Working at height": (300, 0),
        }


def test_an_assignment_survives_changes_of_its_coordinator_party_and_course(
    contractor: Org, worker: InProcessWorker
) -> None:
    course = contractor.with_course(title="Confined-space entry", label="v1.4")
    body = {"courseId": course, "reason": REASON, "recipients": [{"entityType": "party", "entityId": "crew-0001"}]}
    leaver = contractor.client(Permission.ASSIGN, member="coordinator-who-leaves")
    job = leaver.post("/v1/assignments", json=body).json()
    contractor.publish(course, "v2.0")  # published before the job runs: the submission keeps v1.4
    worker.drain(contractor.id)

    moved = {"entityId": "crew-0001", "displayName": "Party crew-0001", "folders": ["port-agents"], "active": False}
    contractor.client(Permission.SYNC_DIRECTORY).put("/v1/parties", json={"parties": [moved]})

    auditor = contractor.client(Permission.VIEW, Permission.READ_EVENTS, member="auditor")
    (found,) = auditor.get("/v1/assignments", params={"jobId": job["id"]}).json()["items"]
    assert (found["versionLabel"], found["state"], found["assignedBy"]["id"]) == (
        "v1.4",
        "assigned",
        "coordinator-who-leaves",
    )
    history = auditor.get("/v1/events", params={"partyId": "crew-0001", "limit": 500}).json()["items"]
    about = [item["type"] for item in history if item["subject"] == f"assignment/{found['id']}"]
    assert about == ["assignment.created"]


def count(client: TestClient, **filters: object) -> int:
    """Return the number of assignments on all pages of a list. Fails if one is listed twice."""
    ids: set[str] = set()
    cursor = None
    while True:
        params = {key: str(value) for key, value in filters.items()} | {"limit": "500"}
        page = client.get("/v1/assignments", params=params | ({"cursor": cursor} if cursor else {})).json()
        new = {item["id"] for item in page["items"]}
        assert not ids & new
        ids |= new
        cursor = page["nextCursor"]
        if cursor is None:
            return len(ids)


def test_undoing_a_job_of_2000_parties_keeps_the_10_completed_assignments(
    contractor: Org, worker: InProcessWorker
) -> None:
    course = contractor.with_course(title="Basic safety", label="v1.0")
    coordinator = contractor.client(member="coordinator")
    folders = ["drill-floor-crew", "third-party-inspectors", "port-agents"]
    body = {"courseId": course, "reason": "Wrong course, as it turns out", "folderIds": folders}
    job = coordinator.post("/v1/assignments", json=body).json()
    worker.drain(contractor.id)
    done = [f"crew-{n:04}" for n in range(0, 1500, 150)]
    recipients = [{"entityType": "party", "entityId": party} for party in done]
    coordinator.post("/v1/assignments/complete", json={"courseId": course, "recipients": recipients})
    worker.drain(contractor.id)

    undo = coordinator.post(f"/v1/jobs/{job['id']}/undo").json()
    assert (undo["undoOf"], undo["counts"]["total"]) == (job["id"], 2000)
    worker.drain(contractor.id)
    ended = coordinator.get(f"/v1/jobs/{undo['id']}").json()
    assert (ended["state"], ended["counts"]["succeeded"], ended["counts"]["unchanged"]) == ("succeeded", 1990, 10)
    left = coordinator.get(f"/v1/jobs/{undo['id']}/results", params={"outcome": "unchanged"}).json()["items"]
    assert {item["entityId"]: item["code"] for item in left} == dict.fromkeys(done, "touched-since")
    assert count(coordinator, jobId=job["id"], state="closed") == 1990
    assert count(coordinator, jobId=job["id"], state="completed") == 10
