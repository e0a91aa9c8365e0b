"""SIGKILL for every worker process while a job revokes licences, and while its undo grants them again.

Guard: a chunk's licences, events, outcomes and settling are one transaction, and `jobs.rescue` finds the rest.
"""

from contextlib import ExitStack
from typing import Any

import httpx2
from sqlalchemy import text

from shared.access import Permission
from tests.factories import Org
from tests.faults.accounts import assert_without_holes, ended, halfway, job_of, stuck
from tests.faults.orders import Crew, crew_members
from tests.faults.plant import WITHOUT_RESCUE, Plant, inserting, kill_with_children
from tests.faults.sabotage import TAKES_ITS_TIME, bad_party
from tests.sessions.sitting import add, schedule
from tests.waiting import within

_COUNTED = text("""
    WITH mine AS (SELECT id, revoked_at FROM licence WHERE org_id = :org AND session_id = CAST(:session AS uuid)),
    told AS (SELECT type, subject FROM event
        WHERE org_id = :org AND subject IN (SELECT 'licence/' || id FROM mine))
    SELECT (SELECT count(*) FROM mine WHERE revoked_at IS NOT NULL),
        (SELECT count(DISTINCT subject) FROM told WHERE type = 'licence.revoked'),
        (SELECT count(*) FROM mine WHERE revoked_at IS NULL),
        (SELECT count(DISTINCT subject) FROM told WHERE type = 'licence.granted')""")


def counted(org: Org, session_id: str) -> list[int]:
    """Returns how many licences are revoked, how many were by their events, how many stand, how many were granted.

    Only those of the session: other tests leave theirs in the organization.
    """
    with org.transaction() as db:
        return list(db.execute(_COUNTED, {"org": org.id, "session": session_id}).one())


def send(org: Org, url: str, path: str, body: dict[str, Any] | None = None) -> str:
    """Submit a job. Returns its id."""
    headers = {"Authorization": f"Bearer {org.token(Permission.ADMIN)}"}
    answer = httpx2.post(f"{url}{path}", json=body, headers=headers, timeout=30)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


def killed_halfway(plant: Plant, crew: Crew, url: str, path: str, body: Any, *, doing: str, pattern: str) -> str:
    """Submit a job and kill its workers halfway; without the rescue it is stuck, with it it ends. Returns its id."""
    last = crew_members(crew.size)[-1]
    with ExitStack() as until:
        until.enter_context(bad_party(plant.owner_url, crew.id, last, TAKES_ITS_TIME, on=f"{doing} ON licence"))
        (worker,) = until.enter_context(plant.running("worker"))
        overseer = until.enter_context(plant.overseer())
        job_id = send(crew, url, path, body)
        assert within(60, lambda: inserting(overseer, pattern) > 0 and halfway(crew, job_id))
        kill_with_children(worker)
    plant.empty_redis()
    with plant.running("worker", settings=WITHOUT_RESCUE):
        assert stuck(crew, job_id, for_seconds=5)
    with plant.running("worker", "beat"):
        assert within(60, lambda: ended(crew, job_id))
    job = job_of(crew, job_id)
    assert (job.state, job.succeeded, job.pending) == ("succeeded", crew.size, 0)
    return job_id


def test_a_revocation_and_its_undo_survive_kill_9_but_in_control_not_without_the_rescue(
    plant: Plant, crew: Crew
) -> None:
    session_id = schedule(crew, crew.with_course())
    add(crew, session_id, *crew_members(crew.size))
    with plant.api() as url:
        with plant.running("worker", "beat"):
            completion = send(crew, url, f"/v1/sessions/{session_id}/complete")
            assert within(60, lambda: ended(crew, completion))
        sent = {"filter": {"sessionId": session_id}, "reason": "The instructor had no certificate"}
        job_id = killed_halfway(
            plant, crew, url, "/v1/licences/revoke", sent, doing="UPDATE", pattern="UPDATE licence SET%"
        )
        assert counted(crew, session_id) == [crew.size, crew.size, 0, crew.size]
        undo = f"/v1/jobs/{job_id}/undo"
        killed_halfway(plant, crew, url, undo, None, doing="INSERT", pattern="INSERT INTO licence %")
    assert counted(crew, session_id) == [crew.size, crew.size, crew.size, 2 * crew.size]
    assert_without_holes(crew)
