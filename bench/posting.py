"""POST of 2,000 recipients until its 202, against a bare route that inserts the same rows, one after the other."""

import http.client
import time
from collections.abc import Sequence
from statistics import median
from urllib.parse import urlsplit

from bench.ground import ACTOR, Connection, Ground, lane
from bench.report import readable
from bench.rollcall import LONGEST_JOB_SECONDS, Coordinator, body
from bench.running import System
from bench.waiting import succeeded, until
from shared import access
from shared.access import Permission

HEAD = ["POST of 2,000", "Rollcall", "by hand", "times", "at most", ""]
MOST = 2.0


def posted(system: System, connection: Connection, ground: Ground, other_url: str, number: int) -> Sequence[str]:
    """Returns the row of the table. No job runs while a request is timed."""
    sent = body(lane(connection, ground), by_folder=False)
    coordinator = Coordinator(system, ground.org_id)
    ours: list[float] = []
    theirs: list[float] = []
    token = access.issue(system.settings, org_id=ground.org_id, member_id=ACTOR, permissions=list(Permission))
    other = http.client.HTTPConnection(urlsplit(other_url).netloc, timeout=30)
    for n in range(number + 1):
        begin = time.perf_counter()
        job_id = coordinator.assign(sent)
        mine = time.perf_counter() - begin
        until(succeeded(connection, ground.org_id, job_id), begin, longest=LONGEST_JOB_SECONDS)
        begin = time.perf_counter()
        other.request("POST", "/v1/assignments", sent, {"Authorization": f"Bearer {token}"})
        answer = other.getresponse()
        answer.read()
        if answer.status != http.HTTPStatus.ACCEPTED:
            raise RuntimeError(f"the route written by hand answered {answer.status}")
        if n:
            ours.append(mine)
            theirs.append(time.perf_counter() - begin)
    ratio = median(ours) / median(theirs)
    verdict = "reached" if ratio <= MOST else "missed"
    return ["until the 202", readable(median(ours)), readable(median(theirs)), f"{ratio:.1f}", f"{MOST:.0f}", verdict]
