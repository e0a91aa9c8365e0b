"""A scenario through API and workers in which every event type occurs."""

import uuid
from datetime import timedelta
from typing import Any

import time_machine
from fastapi.testclient import TestClient
from sqlalchemy import select

from shared import access, clock, deliveries
from shared.access import Binding, Caller, Identity, MappingChange, Permission
from shared.services import sign_in_mapping, signing_in
from shared.views import SavedView
from tests.drain import InProcessWorker
from tests.factories import OPERATOR, Org
from tests.licences.earning import a_session, grant, take_back

REASON = "Annual refresher"


def ok(answer: Any) -> Any:
    """Returns the body of a response, which must be a success."""
    assert answer.is_success, f"{answer.request.method} {answer.request.url}: {answer.text}"
    return answer.json() if answer.content else None


def everything_happens(org: Org, worker: InProcessWorker) -> None:
    """Cause an event of every type."""
    in_the_organization(org)
    at_the_pages(org)
    in_the_directory(org)
    course_id = in_the_catalogue(org)
    to_assignments(org, worker, course_id)
    to_jobs(org, worker, course_id)
    with_time(org, worker, course_id)
    to_licences(org, worker, course_id)
    to_records(org, worker)
    to_packs(org, worker)
    to_sessions(org, worker, course_id)
    to_parties(org, worker)
    to_webhooks(org)


def in_the_organization(org: Org) -> None:
    """Withdraw and grant training, disable and enable it, and change a setting."""
    for training in (False, True):
        with org.transaction() as db:
            access.entitle(db, training=training, actor=OPERATOR, now=clock.now())
    admin = org.client()
    for enabled in (False, True):
        ok(admin.put("/v1/availability", json={"enabled": enabled}))
    for limit in (3, None):
        ok(admin.put("/v1/settings", json={"changeLimit": limit}))


def at_the_pages(org: Org) -> None:
    """Bind an issuer, change its mapping, sign in, let a member write the directory, and take the issuer away."""
    binding, settings = Binding("https://id.example.com", "rollcall", administrators="admins"), org.parts.settings
    identity = Identity("https://id.example.com", "ada", "ada", frozenset({Permission.VIEW}), clock.now())
    with org.transaction() as db:
        bound = sign_in_mapping.bind_issuer(db, settings, binding, None)
        change = MappingChange(version=bound.version, groups_claim="roles", groups=[])
        sign_in_mapping.change_mapping(db, Caller(org.id, "ada", frozenset(Permission)), bound.id, change, clock.now())
        signing_in.begin_sign_in(db, identity, None, clock.now())
        for ended in (False, True):
            sign_in_mapping.let_write_directory(db, settings, None, f"{bound.name}:ada", ended=ended)
        sign_in_mapping.unbind_issuer(db, binding.issuer)
    page = org.visitor()
    page.post("/views/new", data={"listName": "assignments", "name": "Open", "filter.state": "assigned"})
    with org.transaction() as db:
        (view_id,) = db.scalars(select(SavedView.id))
    page.post(f"/views/{view_id}/share")
    page.post("/views/default", data={"view": str(view_id)})
    page.post(f"/views/{view_id}/delete")


def in_the_directory(org: Org) -> None:
    """Add and change parties, rename a folder, erase a party."""
    crew = [f"crew-{n}" for n in range(9)]
    org.with_parties(*crew, "leaver", folder="crew")
    client = org.client()
    ok(client.put("/v1/folders/crew", json={"name": "The crew", "partyIds": crew[1:]}))
    leaver = {"entityId": "leaver", "displayName": "Somebody else", "active": False, "folders": []}
    ok(client.put("/v1/parties", json={"parties": [leaver]}))
    ok(client.post("/v1/parties/leaver/erase"))


def in_the_catalogue(org: Org) -> str:
    """Create, change, publish and archive courses and versions. Returns the id of a course with an active version."""
    client, course_id = org.client(), org.with_course()
    ok(client.patch(f"/v1/courses/{course_id}", json={"title": "Another title", "licenceMonths": 24}))
    draft = ok(client.post(f"/v1/courses/{course_id}/versions", json={"label": "v2"}))
    ok(client.patch(f"/v1/courses/{course_id}/versions/{draft['id']}", json={"label": "v2.0", "summary": "New"}))
    ok(client.post(f"/v1/courses/{course_id}/versions/{draft['id']}/publish"))
    ok(client.post(f"/v1/courses/{course_id}/versions", json={"label": "v0", "retired": True}))
    ok(client.post(f"/v1/courses/{org.with_course()}/archive"))
    return course_id


def job(org: Org, worker: InProcessWorker, client: TestClient, path: str, body: dict[str, Any]) -> Any:
    """Submit a job and run it. Returns the finished job."""
    made = ok(client.post(path, json=body))
    worker.drain(org.id)
    return ok(client.get(f"/v1/jobs/{made['id']}"))


def parties(*ids: str) -> list[dict[str, str]]:
    return [{"entityType": "party", "entityId": each} for each in ids]


def to_assignments(org: Org, worker: InProcessWorker, course_id: str) -> None:
    """Create, edit, complete in every way, close, reassign and reopen assignments, one by one and in bulk."""
    client = org.client()
    body = {"courseId": course_id, "reason": REASON, "dueOn": "2099-06-30"}
    made = job(org, worker, client, "/v1/assignments", body | {"folderIds": ["crew"]})
    found = ok(client.get("/v1/assignments", params={"courseId": course_id}))["items"]
    own = {item["party"]["entityId"]: item["id"] for item in found}
    one = f"/v1/assignments/{own['crew-1']}"
    ok(client.patch(one, json={"dueOn": "2099-07-31", "reason": "Later"}))
    ok(client.patch(one, json={"dueOn": None}))
    ok(client.post(f"{one}/session-link"))
    ok(client.post(f"{one}/complete", json={}))
    ok(client.post(f"{one}/reopen", json={"reason": "By mistake"}))
    ok(client.post(f"{one}/close", json={"reason": "Left"}))
    ok(client.post(f"{one}/reopen", json={"reason": "Came back"}))
    ok(client.post(f"{one}/reassign", json={"recipient": parties("crew-0")[0], "reason": "Another crew"}))
    ok(org.client(party="crew-2").post(f"/v1/assignments/{own['crew-2']}/complete", json={}))
    task = {"taskType": "training_complete", "assignmentId": own["crew-3"], "sessionId": "public-7"}
    ok(org.client(Permission.COMPLETE_SESSION_TASKS).post("/v1/session-tasks/complete", json=task))
    done = job(org, worker, client, "/v1/assignments/complete", {"assignmentIds": [own["crew-4"]]})
    job(org, worker, client, f"/v1/jobs/{done['id']}/undo", {})
    closed = job(
        org, worker, client, "/v1/assignments/close", {"assignmentIds": [own["crew-5"]], "reason": "Not needed"}
    )
    job(org, worker, client, f"/v1/jobs/{closed['id']}/undo", {})
    two = {"assignmentIds": [own["crew-4"], own["crew-5"]]}
    job(org, worker, client, "/v1/assignments/remind", two)
    for path, change in (
        ("change", {"set": {"dueOn": "2099-08-31"}, "why": "The ship is late"}),
        ("change", {"set": {"courseId": org.with_course()}, "why": "The wrong course"}),
        ("close", {"reason": "Not needed"}),
    ):
        done = job(org, worker, client, f"/v1/assignments/{path}", two | change)
        job(org, worker, client, f"/v1/jobs/{done['id']}/undo", {})
    job(org, worker, client, f"/v1/jobs/{made['id']}/undo", {})


def to_jobs(org: Org, worker: InProcessWorker, course_id: str) -> None:
    """Approve one job, reject one, cancel one."""
    client, second = org.client(), org.client(member="member-2")
    ok(client.put("/v1/settings", json={"changeLimit": 1}))
    body = {"courseId": course_id, "reason": REASON, "recipients": parties("crew-6", "crew-7")}
    for answer, said in (("approve", {}), ("reject", {"reason": "The wrong folder"})):
        waiting = ok(client.post("/v1/assignments", json=body))
        ok(second.post(f"/v1/jobs/{waiting['id']}/{answer}", json=said))
        worker.drain(org.id)
    ok(client.put("/v1/settings", json={"changeLimit": None}))
    unwanted = ok(client.post("/v1/assignments", json=body))
    ok(client.post(f"/v1/jobs/{unwanted['id']}/cancel"))
    worker.drain(org.id)


def to_webhooks(org: Org) -> None:
    """Create a webhook, change it, rotate its secret, disable it as after a 410, remove it."""
    client = org.client()
    made = ok(client.post("/v1/webhooks", json={"url": "https://93.184.216.34/hook", "types": ["party.changed"]}))
    one = f"/v1/webhooks/{made['id']}"
    ok(client.patch(one, json={"types": []}))
    ok(client.post(f"{one}/rotate"))
    with org.transaction() as db:
        deliveries.disable(db, uuid.UUID(made["id"]), "It answered 410.", OPERATOR, clock.now())
    ok(client.delete(one))


def with_time(org: Org, worker: InProcessWorker, course_id: str) -> None:
    """Let a due date come near and pass."""
    client, today = org.client(), clock.now().date()
    body = {"courseId": course_id, "reason": REASON, "dueOn": (today + timedelta(days=10)).isoformat()}
    job(org, worker, client, "/v1/assignments", body | {"recipients": parties("crew-8")})
    for days in (3, 11):
        with time_machine.travel(clock.now() + timedelta(days=days), tick=False):
            worker.deliver("assignments.remind_organization", org.id)


def to_licences(org: Org, worker: InProcessWorker, course_id: str) -> None:
    """Grant, supersede, revoke and correct licences, show a certificate to others, and let one expire."""
    grant(org, course_id, "crew-1", at=clock.now())
    session_id = a_session(org, course_id)
    grant(org, course_id, "crew-1", session_id=session_id, at=clock.now())
    take_back(org, session_id, "crew-1", at=clock.now())
    (held,) = ok(org.client().get("/v1/licences", params={"state": "active"}))["items"]
    correction = {"expiresAt": "2099-01-01T00:00:00Z", "note": "By hand", "reason": REASON}
    ok(org.client().patch(f"/v1/licences/{held['id']}", json=correction))
    ok(org.client().post(f"/v1/licences/{held['id']}/certificate-link"))
    ok(org.client().put("/v1/settings/certificate", json={"signatoryName": "M. Ortiz"}))
    struck = job(org, worker, org.client(), "/v1/licences/revoke", {"licenceIds": [held["id"]], "reason": REASON})
    job(org, worker, org.client(), f"/v1/jobs/{struck['id']}/undo", {})
    with time_machine.travel("2099-01-02T03:00:00Z", tick=False):
        ok(org.client().post("/v1/sweeps"))
        worker.deliver("licences.sweep_organization", org.id)


def to_records(org: Org, worker: InProcessWorker) -> None:
    """Import records, one of which supersedes the other, and undo it."""
    course_id = org.with_course()
    days = {"completedOn": "2025-01-01"}
    sent = [{"partyId": "crew-1", "courseId": course_id, "number": each, **days} for each in ("1", "2")]
    imported = job(org, worker, org.client(), "/v1/records", {"records": sent})
    job(org, worker, org.client(), f"/v1/jobs/{imported['id']}/undo", {})


def to_packs(org: Org, worker: InProcessWorker) -> None:
    """Make a pack, fetch it, and erase somebody whom it holds."""
    client = org.client()
    ok(client.put("/v1/parties", json={"parties": [{"entityId": "packed", "displayName": "Packed"}]}))
    asked = {"filter": {"partyIds": ["packed"]}, "on": "2026-01-01"}
    made = job(org, worker, client, "/v1/packs", asked)
    assert client.get(f"/v1/packs/{made['request']['packId']}/file").status_code == 200
    ok(client.post("/v1/parties/packed/erase"))


def to_parties(org: Org, worker: InProcessWorker) -> None:
    """Merge two parties, which closes, supersedes and revokes, and take that back; give a party another id."""
    client, second = org.client(), org.client(member="member-2")
    org.with_parties("twin-1", "twin-2")
    course_id = org.with_course()
    session_id = a_session(org, course_id)
    grant(org, course_id, "twin-1", "twin-2", session_id=session_id, at=clock.now())
    body = {"courseId": org.with_course(), "reason": REASON, "recipients": parties("twin-1", "twin-2")}
    job(org, worker, client, "/v1/assignments", body)
    merged = ok(client.post("/v1/parties/twin-1/merge", json={"into": "twin-2", "reason": REASON}))
    ok(second.post(f"/v1/jobs/{merged['id']}/approve"))
    worker.drain(org.id)
    job(org, worker, client, f"/v1/jobs/{merged['id']}/undo", {})
    renumbered = ok(client.post("/v1/parties/twin-1/renumber", json={"entityId": "twin-3", "reason": REASON}))
    ok(second.post(f"/v1/jobs/{renumbered['id']}/approve"))
    worker.drain(org.id)


def to_sessions(org: Org, worker: InProcessWorker, course_id: str) -> None:
    """Change a session, withdraw its completion, complete and amend it; cancel another session."""
    client = org.client()
    body = {
        "courseId": course_id,
        "mode": "online",
        "startsAt": "2026-05-09T09:00:00+02:00",
        "endsAt": "2026-05-09T16:00:00+02:00",
        "timeZone": "Europe/Oslo",
    }
    one, other = (f"/v1/sessions/{ok(client.post('/v1/sessions', json=body))['id']}" for _ in range(2))
    ok(client.patch(one, json={"mode": "in_person", "location": "Forus", "capacity": 9}))
    ok(client.post(f"{one}/roster", json={"folderIds": ["crew"]}))
    ok(client.delete(f"{one}/roster/crew-2"))
    ok(client.put(f"{one}/roster/crew-3", json={"attendance": "excused"}))
    withdrawn = ok(client.post(f"{one}/complete"))
    ok(client.post(f"/v1/jobs/{withdrawn['id']}/cancel"))
    job(org, worker, client, f"{one}/complete", {})
    amendment = {"add": parties("crew-2"), "remove": parties("crew-1"), "reason": "The list was another day's"}
    job(org, worker, client, f"{one}/amend", amendment)
    ok(client.post(f"{other}/cancel", json={"reason": "Storm"}))
    ok(client.post(f"{other}/reinstate", json={"reason": "It blew over"}))
    ok(client.post(f"{other}/roster", json={"recipients": parties("crew-4")}))
    mistaken = job(org, worker, client, f"{other}/complete", {})
    job(org, worker, client, f"/v1/jobs/{mistaken['id']}/undo", {})
