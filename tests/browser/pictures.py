"""The pictures of the README: an overview, a list with rows chosen, and a job. `make screenshots` draws them.

Not collected with the tests: it writes into the repository.
"""

import secrets
from datetime import timedelta
from typing import Any

import time_machine
from fastapi import FastAPI
from playwright.sync_api import Browser

from api.http.parts import Parts
from shared import access, clock
from tests.architecture.source import ROOT
from tests.assignments.asking import body, submit
from tests.browser.test_console import DESK, opened
from tests.drain import InProcessWorker
from tests.factories import OF_THIS_FILE, OPERATOR, Org

NAMES = ("Maria Ortiz", "Åse Bjørnstad", "Jean-Luc Moreau", "Oluwaseun Adebayo", "Kim Min-jun", "Priya Raghunathan")
FOLDER = ROOT / "docs" / "pictures"


def contractor(app: FastAPI, parts: Parts) -> Org:
    """A drilling contractor with 400 people in three folders."""
    org = Org(f"org-{secrets.token_hex(6)}", app, parts)
    OF_THIS_FILE.add(org.id)
    with org.transaction() as db:
        named: dict[str, Any] = {"name": "Nordlys Drilling", "time_zone": "Europe/Oslo"}
        access.add_organization(db, **named, actor=OPERATOR, now=clock.now())
    parties = [
        {
            "entityId": f"crew-{n:04}",
            "displayName": f"{NAMES[n % len(NAMES)]} {n}",
            "active": True,
            "folders": [("deck", "drill-floor", "marine")[n % 3]],
        }
        for n in range(400)
    ]
    org.client().put("/v1/parties", json={"parties": parties})
    return org


def work(org: Org, worker: InProcessWorker) -> str:
    """Assign three courses, complete a part of them, and fail for some. Returns the id of the job to show."""
    gas = org.with_course(title="Hydrogen-sulfide response", code="H2S", label="v3.2", licenceOn="completion")
    height = org.with_course(title="Working at height", code="WAH", label="2026.1")
    permit = org.with_course(title="Permit to work", code="PTW", label="v7")

    def assign(course_id: str, folder: str, reason: str, days: int) -> None:
        due = (clock.now() + timedelta(days=days)).date().isoformat()
        fields = {"folderIds": [folder], "recipients": [], "reason": reason, "dueOn": due}
        org.client().post("/v1/assignments", json={"courseId": course_id} | fields)

    with time_machine.travel(clock.now() - timedelta(days=40), tick=False):
        assign(gas, "deck", "HSE program annual refresh", 30)
    assign(height, "drill-floor", "New derrick", 4)
    worker.drain(org.id)
    client = org.client()
    found = client.get(f"/v1/assignments?limit=200&courseId={gas}").json()["items"]
    client.post("/v1/assignments/complete", json={"assignmentIds": [one["id"] for one in found[:105]]})
    people = [f"crew-{n:04}" for n in range(2, 400, 3)]
    job = submit(client, body(permit, *people, "crew-9001", "crew-9002"))
    worker.drain(org.id)
    return str(job["id"])


def test_draw(app: FastAPI, parts: Parts, worker: InProcessWorker, browser: Browser, site: str) -> None:
    org = contractor(app, parts)
    job_id = work(org, worker)
    with opened(browser, site, org, DESK) as context:
        page = context.new_page()
        page.goto(f"{site}/overview")
        page.screenshot(path=FOLDER / "overview.png", full_page=True)
        page.goto(f"{site}/assignments?state=assigned")
        page.get_by_role("checkbox", name="Choose all on this page").check()
        page.screenshot(path=FOLDER / "assignments.png")
        page.goto(f"{site}/jobs/{job_id}")
        page.screenshot(path=FOLDER / "job.png")
