"""Rollcall as its callers have it: over HTTP, through Redis, carried out by worker processes.

The end is seen in the job's row, over a connection of its own: the API's `?wait=` looks only five times a second, which
is twice what 2,000 parties take.
"""

import http.client
import json
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Any
from urllib.parse import urlsplit

from bench.ground import ACTOR, FOLDER, REASON, Connection, Lane
from bench.running import System
from shared import access
from shared.access import Permission

LONGEST_JOB_SECONDS = 120.0
FINAL = ("succeeded", "partially_succeeded", "failed", "cancelled")


@dataclass(frozen=True)
class Answers:
    """Medians in seconds. post: to the 202 of a POST that names every party. me: of a GET that reads the caller's
    organization, as every request of training does. limits: of a GET that reads nothing."""

    post: float
    me: float
    limits: float


class Coordinator:
    """A member of one organization who calls the API over one kept connection."""

    def __init__(self, system: System, org_id: str) -> None:
        token = access.issue(system.settings, org_id=org_id, member_id=ACTOR, permissions=list(Permission))
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        self._connection = http.client.HTTPConnection(urlsplit(system.api_url).netloc, timeout=30)
        self.get("/v1/limits")  # connects

    def get(self, path: str) -> None:
        """Ask for something that must be there."""
        self.call("GET", path, None, http.HTTPStatus.OK)

    def assign(self, body: bytes) -> uuid.UUID:
        """Submit an assignment. Answers the id of its job."""
        return uuid.UUID(self.call("POST", "/v1/assignments", body, http.HTTPStatus.ACCEPTED)["id"])

    def call(self, method: str, path: str, body: bytes | None, expected: int) -> Any:
        """The answer to a request. Raises unless it has the expected status."""
        self._connection.request(method, path, body, self._headers)
        response = self._connection.getresponse()
        answer = response.read()
        if response.status != expected:
            raise RuntimeError(f"{method} {path} answered {response.status}: {answer.decode()}")
        return json.loads(answer)


def assign(
    system: System, connection: Connection, lane: Lane, *, meanwhile: Callable[[], None] = lambda: None
) -> float:
    """Assign to everybody in the folder. Seconds, from sending the POST to seeing the job succeeded."""
    coordinator, body = Coordinator(system, lane.ground.org_id), _body(lane, by_folder=True)
    begin = time.perf_counter()
    job_id = coordinator.assign(body)
    return _wait(connection, lane, job_id, begin, meanwhile)


def post(system: System, connection: Connection, lane: Lane, repeat: int) -> Answers:
    """Time answers in turns, over one kept connection, while no job runs."""
    body = _body(lane, by_folder=False)
    posts: list[float] = []
    reads: list[float] = []
    empties: list[float] = []
    for _ in range(repeat):
        coordinator = Coordinator(system, lane.ground.org_id)
        for path, taken in (("/v1/limits", empties), ("/v1/me", reads)):
            begin = time.perf_counter()
            coordinator.get(path)
            taken.append(time.perf_counter() - begin)
        begin = time.perf_counter()
        job_id = coordinator.assign(body)
        posts.append(time.perf_counter() - begin)
        _wait(connection, lane, job_id, begin, lambda: None)
    return Answers(median(posts), median(reads), median(empties))


def _wait(connection: Connection, lane: Lane, job_id: uuid.UUID, begin: float, meanwhile: Callable[[], None]) -> float:
    """Look ever more rarely: it must cost little, and the end is seen at most a hundredth, or 3 ms, late."""
    key = (lane.ground.org_id, job_id)
    while (elapsed := time.perf_counter() - begin) < LONGEST_JOB_SECONDS:
        row = connection.execute("SELECT state FROM job WHERE org_id = %s AND id = %s", key).fetchone()
        state = row[0] if row else "gone"
        if state == "succeeded":
            return time.perf_counter() - begin
        if state in FINAL:
            raise RuntimeError(f"the job ended {state}")
        meanwhile()
        time.sleep(max(0.003, elapsed / 100))
    raise RuntimeError(f"the job took longer than {LONGEST_JOB_SECONDS:.0f} s")


def _body(lane: Lane, *, by_folder: bool) -> bytes:
    recipients = [{"entityType": "party", "entityId": party} for party in lane.ground.parties]
    whom = {"folderIds": [FOLDER]} if by_folder else {"recipients": recipients}
    return json.dumps({"courseId": str(lane.ground.course_id), "reason": REASON, **whom}).encode()
