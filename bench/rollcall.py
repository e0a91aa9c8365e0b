"""Rollcall as its callers use it: over HTTP, through Redis, with the work done by worker processes."""

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
from bench.waiting import succeeded, until
from shared import access
from shared.access import Permission

LONGEST_JOB_SECONDS = 120.0


@dataclass(frozen=True)
class Answers:
    """Median times of requests in seconds. post: a POST that names every party, until its 202. me: a GET that reads the
    caller's organization, as every request of training does. limits: a GET that reads nothing."""

    post: float
    me: float
    limits: float


class Coordinator:
    """A member of one organization who calls the API over one kept connection."""

    def __init__(self, system: System, org_id: str) -> None:
        token = access.issue(system.settings, org_id=org_id, member_id=ACTOR, permissions=list(Permission))
        self._headers = {"Authorization": f"Bearer {token}"}
        self._connection = http.client.HTTPConnection(urlsplit(system.api_url).netloc, timeout=30)
        self.get("/v1/limits")  # connects

    def get(self, path: str) -> None:
        """Send a GET. Raises RuntimeError unless it is answered with 200."""
        self.call("GET", path, None, http.HTTPStatus.OK)

    def assign(self, body: bytes) -> uuid.UUID:
        """Submit an assignment. Returns the id of its job."""
        return uuid.UUID(self.call("POST", "/v1/assignments", body, http.HTTPStatus.ACCEPTED)["id"])

    def call(self, method: str, path: str, body: bytes | None, expected: int, form: str = "application/json") -> Any:
        """Send a request. Returns the answer. Raises RuntimeError unless it has the expected status.

        form: the media type of the body.
        """
        self._connection.request(method, path, body, self._headers | {"Content-Type": form})
        response = self._connection.getresponse()
        answer = response.read()
        if response.status != expected:
            raise RuntimeError(f"{method} {path} answered {response.status}: {answer.decode()}")
        return json.loads(answer)


def assign(
    system: System, connection: Connection, lane: Lane, *, meanwhile: Callable[[], None] = lambda: None
) -> float:
    """Assign to all parties of the folder. Returns the seconds from sending the POST to seeing the job succeeded."""
    coordinator, sent = Coordinator(system, lane.ground.org_id), body(lane, by_folder=True)
    begin = time.perf_counter()
    job_id = coordinator.assign(sent)
    done = succeeded(connection, lane.ground.org_id, job_id)
    return until(done, begin, longest=LONGEST_JOB_SECONDS, meanwhile=meanwhile)


def post(system: System, connection: Connection, lane: Lane, repeat: int) -> Answers:
    """Time the requests of `Answers`, in turns over one kept connection, while no job runs."""
    sent = body(lane, by_folder=False)
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
        job_id = coordinator.assign(sent)
        posts.append(time.perf_counter() - begin)
        until(succeeded(connection, lane.ground.org_id, job_id), begin, longest=LONGEST_JOB_SECONDS)
    return Answers(median(posts), median(reads), median(empties))


def body(lane: Lane, *, by_folder: bool) -> bytes:
    """Returns a request that assigns to all parties, by their folder or by their ids."""
    recipients = [{"entityType": "party", "entityId": party} for party in lane.ground.parties]
    whom = {"folderIds": [FOLDER]} if by_folder else {"recipients": recipients}
    return json.dumps({"courseId": str(lane.ground.course_id), "reason": REASON, **whom}).encode()
