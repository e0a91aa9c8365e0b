"""An organization with something on every page, and the addresses of all pages of the console."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from fastapi import FastAPI
from fastapi.routing import RouteContext, iter_route_contexts
from fastapi.testclient import TestClient
from sqlalchemy import select

from api.console.frame import ConsoleRoute
from shared.access import Binding, SignIn
from shared.services import sign_in_mapping
from tests.assignments.asking import body, recipients, submit
from tests.drain import InProcessWorker
from tests.factories import Org
from tests.sessions.sitting import sitting
from tests.views.saving import save


@dataclass
class World:
    """An organization with things. ids: a value for each parameter of an address, by its name."""

    org: Org
    ids: dict[str, str] = field(default_factory=dict)

    def address(self, path: str) -> str:
        """The address of a page. A parameter that this world has no value for is an error that names it."""
        return path.format_map(self.ids)


def build(org: Org, worker: InProcessWorker) -> World:
    """Fill an organization: parties in a folder, a course, a job with a failure and one that waits for approval."""
    course_id = org.with_course(code="H2S", label="v3.2")
    org.with_parties("crew-1", "crew-2", "crew-3", folder="deck")
    client = org.client()
    job_id = submit(client, body(course_id, "crew-1", "crew-2", "nobody"))["id"]
    sessions = [_sitting(client, course_id, *parties) for parties in (("crew-1", "crew-2"), ("crew-3",))]
    client.post(f"/v1/sessions/{sessions[1]}/complete")
    worker.drain(org.id)
    assignments = client.get("/v1/assignments").json()["items"]
    client.post(f"/v1/assignments/{assignments[0]['id']}/complete")
    draft = client.post(f"/v1/courses/{course_id}/versions", json={"label": "v4", "summary": "Masks first."}).json()
    org.visitor(member="elsewhere")
    with org.transaction() as db:
        sign_in_id = str(db.scalars(select(SignIn.id)).one())
        binding = Binding("https://id.example", "rollcall", name="id", administrators="bosses")
        issuer_id = str(sign_in_mapping.bind_issuer(db, org.parts.settings, binding, None).id)
    ids = {"job_id": job_id, "party_id": "crew-1", "course_id": course_id, "version_id": draft["id"]}
    ids |= {"issuer_id": issuer_id, "sign_in_id": sign_in_id}
    ids["webhook_id"] = client.post("/v1/webhooks", json={"url": "https://93.184.216.34/", "types": []}).json()["id"]
    ids["session_id"], ids["licence_id"] = sessions[0], client.get("/v1/licences").json()["items"][0]["id"]
    ids |= {"purpose": "people", "upload_id": _uploaded(org)}
    asked = {"filter": {"partyIds": ["crew-1"]}, "on": "2026-01-01"}
    ids["pack_id"] = client.post("/v1/packs", json=asked).json()["request"]["packId"]
    worker.drain(org.id)
    ids["view_id"] = save(org.visitor(), "On deck", "parties", folderId="deck")
    return World(org, ids)


def _uploaded(org: Org) -> str:
    """Sends a file with a row to repair in a sign-in that has ended, so that the member's later ones go on with it."""
    browser = org.visitor()
    sent = browser.post("/import/people", files={"file": ("people.csv", b"Employee ID,Name\ncrew-9,Cid\n9 9,Dot\n")})
    browser.post("/sign-out")
    return str(sent.headers["Location"]).rpartition("/")[2]


def _sitting(client: TestClient, course_id: str, *party_ids: str) -> str:
    """Schedules a session that has begun, with these parties on its roster. Returns its id."""
    made: str = client.post("/v1/sessions", json=sitting(course_id)).json()["id"]
    client.post(f"/v1/sessions/{made}/roster", json={"recipients": recipients(*party_ids)})
    return made


def page_routes(app: FastAPI, method: str = "GET") -> list[RouteContext]:
    """The routes of all pages for signed-in people."""
    found = iter_route_contexts(app.routes)
    return [one for one in found if isinstance(one.original_route, ConsoleRoute) and method in (one.methods or ())]


def pages(app: FastAPI) -> list[str]:
    """The paths of all pages, without streams and files."""
    others = ("/progress", ".csv", ".xlsx", ".ics", "/download", ".pdf", ".zip", ".ndjson")
    return sorted({str(one.path) for one in page_routes(app) if not str(one.path).endswith(others)})


def queries_of(route: RouteContext) -> set[str]:
    """The names of the query parameters that a route takes, with those of its dependencies."""

    def named(dependant: Any) -> Iterator[str]:
        yield from (one.alias for one in dependant.query_params)
        for one in dependant.dependencies:
            yield from named(one)

    return set(named(route.dependant))
