"""The licence check against a route that reads nothing: requests a second over HTTP."""

import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from bench import sweep
from bench.ground import Connection
from bench.rollcall import Coordinator
from bench.running import System

CALLERS, WINDOW_SECONDS = 8, 2.0


def requests_a_second(system: System, path: Callable[[int], str], seconds: float) -> float:
    """Returns how many requests a second are answered to eight callers, each with a connection of its own."""

    def call(caller: int) -> int:
        coordinator, number, until = Coordinator(system, sweep.ORG), 0, time.perf_counter() + seconds
        while time.perf_counter() < until:
            coordinator.get(path(caller * 7919 + number * 31))
            number += 1
        return number

    with ThreadPoolExecutor(CALLERS) as callers:
        return sum(callers.map(call, range(CALLERS))) / seconds


def check_path(course_id: uuid.UUID) -> Callable[[int], str]:
    """Returns the path of a check for the n-th holder, by n."""
    return lambda n: f"/v1/licences/check?partyId=party-{n % sweep.HOLDERS + 1:05}&courseId={course_id}"


def rounds(system: System, connection: Connection, number: int, limits: list[float], checks: list[float]) -> None:
    """Let both routes take turns, after one turn that warms up. Appends requests a second."""
    row = connection.execute("SELECT id FROM course WHERE org_id = %s ORDER BY code DESC LIMIT 1", (sweep.ORG,))
    (course_id,) = row.fetchone() or (uuid.uuid4(),)
    routes: list[tuple[list[float], Callable[[int], str]]] = [
        (limits, lambda _: "/v1/limits"),
        (checks, check_path(course_id)),
    ]
    for n in range(number + 1):
        for rates, path in routes if n % 2 == 0 else routes[::-1]:
            rate = requests_a_second(system, path, WINDOW_SECONDS)
            if n:
                rates.append(rate)
