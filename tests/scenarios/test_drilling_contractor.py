"""The offshore drilling contractor: about 2,000 parties, courses assigned by role. Step by step, with its numbers."""

import pytest
import time_machine
from fastapi import FastAPI
from fastapi.testclient import TestClient

from api.http.parts import Parts
from shared.access import Permission
from tests.drain import Workshop
from tests.factories import Org, add_org

DRILL_FLOOR = [f"crew-{n:04}" for n in range(1500)]
INSPECTORS = [f"inspector-{n:03}" for n in range(300)]
PORT_AGENTS = [f"agent-{n:03}" for n in range(200)]
REASON = "HSE program annual refresh, Q2 2026"


@pytest.fixture
def contractor(app: FastAPI, parts: Parts) -> Org:
    org = add_org(app, parts, time_zone="Europe/Oslo")
    org.with_parties(*DRILL_FLOOR, folder="drill-floor-crew")
    org.with_parties(*INSPECTORS, folder="third-party-inspectors")
    org.with_parties(*PORT_AGENTS, folder="port-agents")
    return org


def test_the_day_to_day_of_an_hse_team(contractor: Org, workshop: Workshop) -> None:
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
        workshop.drain(contractor.id)
        job = coordinator.get(accepted.headers["Location"]).json()
        assert (job["state"], job["counts"]["succeeded"]) == ("succeeded", 2000)
        one_by_one = [{"entityType": "party", "entityId": party} for party in INSPECTORS]
        coordinator.post("/v1/assignments", json={"courseId": other, "reason": REASON, "recipients": one_by_one})
        workshop.drain(contractor.id)

    # As each party completes the course, completion is recorded with the actor: here a supervisor, after a drill.
    supervisor = contractor.client(Permission.COMPLETE, member="toolpusher", folders=["drill-floor-crew"])
    with time_machine.travel("2026-05-10T08:00:00Z", tick=False):
        signed = supervisor.post(
            "/v1/assignments/complete",
            json={"courseId": course, "folderIds": ["drill-floor-crew"], "occurredOn": "2026-05-09"},
        )
        workshop.drain(contractor.id)
    assert coordinator.get(signed.headers["Location"]).json()["counts"]["succeeded"] == 1500

    # At any time, the HSE team can pull a list filtered by course, by folder, by completion status, by due date.
    with time_machine.travel("2026-07-01T08:00:00Z", tick=False):
        hse = contractor.client(Permission.VIEW, member="hse")
        assert count(hse, courseId=course) == 2000
        assert count(hse, courseId=other) == 300
        assert count(hse, courseId=course, folderId="drill-floor-crew", state="completed") == 1500
        assert count(hse, courseId=course, state="assigned") == 500
        assert count(hse, overdue=True) == 500
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


def test_an_assignment_outlives_member_folder_activity_and_version(contractor: Org, workshop: Workshop) -> None:
    course = contractor.with_course(title="Confined-space entry", label="v1.4")
    body = {"courseId": course, "reason": REASON, "recipients": [{"entityType": "party", "entityId": "crew-0001"}]}
    leaver = contractor.client(Permission.ASSIGN, member="coordinator-who-leaves")
    job = leaver.post("/v1/assignments", json=body).json()
    contractor.publish(course, "v2.0")  # published while the job waits: what was submitted is bound to v1.4
    workshop.drain(contractor.id)

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
    """How many assignments a list has, page by page, each of them once."""
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


def test_a_2000_party_job_is_taken_back_but_for_the_10_who_were_done(contractor: Org, workshop: Workshop) -> None:
    course = contractor.with_course(title="Basic safety", label="v1.0")
    coordinator = contractor.client(member="coordinator")
    folders = ["drill-floor-crew", "third-party-inspectors", "port-agents"]
    body = {"courseId": course, "reason": "Wrong course, as it turns out", "folderIds": folders}
    job = coordinator.post("/v1/assignments", json=body).json()
    workshop.drain(contractor.id)
    done = [f"crew-{n:04}" for n in range(0, 1500, 150)]
    recipients = [{"entityType": "party", "entityId": party} for party in done]
    coordinator.post("/v1/assignments/complete", json={"courseId": course, "recipients": recipients})
    workshop.drain(contractor.id)

    undo = coordinator.post(f"/v1/jobs/{job['id']}/undo").json()
    assert (undo["undoOf"], undo["counts"]["total"]) == (job["id"], 2000)
    workshop.drain(contractor.id)
    ended = coordinator.get(f"/v1/jobs/{undo['id']}").json()
    assert (ended["state"], ended["counts"]["succeeded"], ended["counts"]["unchanged"]) == ("succeeded", 1990, 10)
    left = coordinator.get(f"/v1/jobs/{undo['id']}/results", params={"outcome": "unchanged"}).json()["items"]
    assert {item["entityId"]: item["code"] for item in left} == dict.fromkeys(done, "touched-since")
    assert count(coordinator, jobId=job["id"], state="closed") == 1990
    assert count(coordinator, jobId=job["id"], state="completed") == 10
