"""Things inside, outside and partly outside a scope of folders, for the requests of `scoping`."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from fastapi.testclient import TestClient

from tests.assignments.asking import assign, body, pages
from tests.deliveries.receiving import plan, webhook
from tests.drain import InProcessWorker
from tests.factories import Org
from tests.scoping import Ids
from tests.sessions.sitting import accept, add, schedule

MARK = "Quillfeather"
"""Part of every id, name and reason of what is outside, and of no request except as an id that is given."""

MIXED = "Shared reason"
"""The reason of the job that is partly outside. It stands in the assignments inside, too."""


@dataclass(frozen=True)
class World:
    """An organization, and ids of things by their place: `inside`, `outside`, `mixed` and `unknown`."""

    org: Org
    places: Mapping[str, Ids]

    def visitor(self, folders: list[str] | None) -> TestClient:
        """A client with every permission and these folders, of a member who has made nothing."""
        return self.org.client(member="visitor", folders=folders)


def build(org: Org) -> World:
    """Create parties inside and outside, and things that quote them."""
    inner, outer = ["in-0", "in-1"], [f"{MARK}-0", f"{MARK}-1"]
    org.client().put("/v1/folders/all", json={"name": "All"})
    rows = [
        {"entityId": party, "displayName": f"{MARK} Person" if MARK in party else "Person", "folders": [folder, "all"]}
        for folder, several in (("inside", inner), (f"{MARK}-folder", outer), ("beside", ["beside-0"]))
        for party in several
    ]
    assert org.client().put("/v1/parties", json={"parties": rows}).json()["created"] == 5
    receiver = webhook(org, description=MARK)
    everybody = {"inside": inner, "outside": outer, "mixed": [inner[0], outer[0]]}
    with InProcessWorker.open() as worker:
        places = {place: _things(org, worker, place, party_ids) for place, party_ids in everybody.items()}
        sweep = org.client().post("/v1/sweeps").json()["id"]
        plan(org)
    deliveries = pages(org.client(), "/v1/deliveries", limit=500)
    for place, ids in places.items():
        ids["delivery_id"] = next(one["id"] for one in deliveries if one["partyId"] == ids["party_id"])
        ids |= {"webhook_id": receiver, "sweep_id": sweep}
        ids["folder_id"] = "inside" if place == "inside" else f"{MARK}-folder"
    unknown = {name: str(uuid.uuid4()) for name in places["outside"]}
    shared = {
        name: places["inside"][name] for name in ("courseId", "course_id", "version_id", "webhook_id", "sweep_id")
    }
    places["unknown"] = unknown | shared | {"party_id": "unknown-0", "folder_id": "unknown"}
    return World(org, places)


def _things(org: Org, worker: InProcessWorker, place: str, party_ids: list[str]) -> dict[str, str]:
    """Create a job, assignments, a completed and a scheduled session and licences of these parties."""
    owner = org.client(member="owner")
    text = {"inside": "Because", "outside": f"{MARK} reason", "mixed": MIXED}[place]
    course = org.with_course(label="v1")
    draft = owner.post(f"/v1/courses/{course}/versions", json={"label": "draft"}).json()["id"]
    job = assign(org, worker, body(course, *party_ids, reason=text), owner)
    last = party_ids[-1]
    assignment = pages(owner, "/v1/assignments", jobId=job["id"], partyId=last)[0]["id"]
    held = schedule(org, org.with_course(label="v1"))
    add(org, held, *party_ids)
    accept(org, held)
    worker.drain(org.id)
    licence = pages(owner, "/v1/licences", sessionId=held, partyId=last)[0]["id"]
    asked = {"filter": {"partyIds": party_ids}, "on": "2026-01-01"}
    pack = owner.post("/v1/packs", json=asked).json()["request"]["packId"]
    worker.drain(org.id)
    coming = schedule(org, course, startsAt="2099-01-01T08:00:00Z", endsAt="2099-01-01T09:00:00Z", capacity=7)
    add(org, coming, *party_ids)
    return {
        "courseId": course,
        "course_id": course,
        "version_id": draft,
        "job_id": job["id"],
        "party_id": last,
        "assignment_id": assignment,
        "licence_id": licence,
        "pack_id": pack,
        "session_id": coming,
        "held_session_id": held,
    }
