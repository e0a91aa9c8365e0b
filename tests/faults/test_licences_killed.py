"""SIGKILL for every worker process during the completion of a session, and a sweep of due licences.

Guards: a chunk's licences, events, outcomes and settling are one transaction, and so are a batch of the sweep and its
events. If the wake-up message is lost, `jobs.rescue` or the tick of the sweep finds the work.
"""

import uuid
from concurrent.futures import ThreadPoolExecutor

import httpx2
from sqlalchemy import select, text

from shared import clock, licences
from shared.access import Permission
from shared.licences import Sweep
from tests.factories import OPERATOR, Org
from tests.faults.accounts import assert_without_holes, ended, halfway, job_of, stuck
from tests.faults.orders import FEW, Crew, crew_members
from tests.faults.plant import WITHOUT_RESCUE, Plant, inserting, kill_with_children
from tests.faults.sabotage import TAKES_ITS_TIME, bad_party, slowly
from tests.licences.earning import FOLLOW
from tests.sessions.sitting import add, schedule
from tests.waiting import within

MOST_ATTENDED = 5_000
MORE_THAN_A_BATCH = licences.BATCH + 1_000

_OF_SESSION = text("""
    WITH made AS (SELECT * FROM licence WHERE org_id = :org AND session_id = :session),
         told AS (SELECT * FROM event WHERE org_id = :org AND type = 'licence.granted'
                  AND data->>'sessionId' = CAST(:session AS text))
    SELECT (SELECT count(*) FROM made), (SELECT count(DISTINCT party_id) FROM made), (SELECT count(*) FROM told),
        (SELECT count(*) FROM (SELECT 'licence/' || id, party_id FROM made INTERSECT SELECT subject, party_id FROM told)
            AS both_say)""")

_HOLD = (
    """INSERT INTO party (org_id, id, display_name, created_at, updated_at)
       SELECT %(org)s, 'due-' || n, 'Due', now(), now() FROM generate_series(1, %(due)s) AS n ON CONFLICT DO NOTHING""",
    """INSERT INTO licence (org_id, party_id, course_id, course_version_id, session_id, granted_by_type, granted_by_id,
           granted_at, expires_at, rule)
       SELECT org_id, id, %(course)s, %(course)s, %(course)s, 'member', 'm', now() - interval '400 days',
           now() - interval '1 day', 'corrected'
       FROM party WHERE org_id = %(org)s AND id LIKE 'due-%%' ORDER BY id LIMIT %(due)s""",
    FOLLOW,
)

_OF_SWEEP = text("""
    SELECT count(*), count(DISTINCT (subject, type, data->>'daysBefore')) FROM event
    WHERE org_id = :org AND type IN ('licence.expiring', 'licence.expired')
        AND data->>'courseId' = CAST(:course AS text)""")


def of_session(org: Org, session_id: str) -> list[int]:
    """Returns the counts of a session: licences, parties with a licence, events, and licences with their event."""
    with org.transaction() as db:
        return list(db.execute(_OF_SESSION, {"org": org.id, "session": uuid.UUID(session_id)}).one())


def test_a_session_completed_four_times_survives_kill_9_but_in_control_not_without_the_rescue(
    plant: Plant, crew: Crew
) -> None:
    attended = min(crew.size, MOST_ATTENDED)
    session_id = schedule(crew, crew.with_course())
    add(crew, session_id, *crew_members(attended))
    with (
        plant.api() as url,
        bad_party(plant.owner_url, crew.id, crew_members(attended)[-1], TAKES_ITS_TIME, on="INSERT ON licence"),
        plant.running("worker") as (worker,),
        plant.overseer() as overseer,
    ):
        job_id = completed_at_once(crew, url, session_id)
        assert within(60, lambda: inserting(overseer, "INSERT INTO licence %") > 0 and halfway(crew, job_id))
        kill_with_children(worker)
    done = of_session(crew, session_id)
    assert 0 < done[0] < attended
    assert done == [job_of(crew, job_id).succeeded] * 4, "a chunk is written completely or not at all"
    plant.empty_redis()
    with plant.running("worker", settings=WITHOUT_RESCUE):
        assert stuck(crew, job_id, for_seconds=5)
        assert of_session(crew, session_id) == done
    with plant.running("worker", "beat"):
        assert within(60, lambda: ended(crew, job_id))
    job = job_of(crew, job_id)
    assert (job.state, job.succeeded, job.pending) == ("succeeded", attended, 0)
    assert of_session(crew, session_id) == [attended] * 4
    assert_without_holes(crew)


def completed_at_once(org: Org, url: str, session_id: str) -> str:
    """Complete a session from four clients at the same time. Returns the id of the one job that all of them get."""
    headers = {"Authorization": f"Bearer {org.token(Permission.ADMIN)}"}
    with httpx2.Client(base_url=url, headers=headers, timeout=30) as client, ThreadPoolExecutor(4) as clients:
        path = f"/v1/sessions/{session_id}/complete"
        answers = list(clients.map(lambda _: client.post(path), range(4)))
    assert [answer.status_code for answer in answers] == [202] * 4
    (job_id,) = {answer.json()["id"] for answer in answers}
    return str(job_id)


def test_a_sweep_survives_kill_9_but_in_control_not_without_its_tick(plant: Plant, crew: Crew) -> None:
    due = MORE_THAN_A_BATCH if crew.size == FEW else 2 * licences.BATCH + 2_000
    course = uuid.UUID(crew.with_course())
    with plant.overseer() as overseer, overseer.transaction():
        overseer.execute("SET LOCAL session_replication_role = replica")
        for statement in _HOLD:
            overseer.execute(statement, {"org": crew.id, "course": course, "due": due})
    with crew.transaction() as db:
        sweep_id = licences.ask_sweep(db, OPERATOR, clock.now()).id

    def told() -> tuple[int, int]:
        with crew.transaction() as db:
            events, distinct = db.execute(_OF_SWEEP, {"org": crew.id, "course": course}).one()
            return events, distinct

    def finished() -> bool:
        with crew.transaction() as db:
            return db.scalar(select(Sweep.finished_at).where(Sweep.id == sweep_id)) is not None

    with slowly(plant.owner_url, 1, on="UPDATE ON licence_due"), plant.running("worker") as (worker,):
        crew.parts.broker.send("licences.sweep")
        with plant.overseer() as overseer:
            assert within(60, lambda: told()[0] > 0 and inserting(overseer, "%UPDATE licence_due SET notices%") > 0)
        kill_with_children(worker)
    before = told()
    assert 0 < before[0] < 4 * due
    assert before[0] % (4 * licences.BATCH) == 0, "a batch is published completely or not at all"
    plant.empty_redis()
    with plant.running("worker"):
        assert not within(5, finished)
        assert told() == before
        crew.parts.broker.send("licences.sweep")
        assert within(60, finished)
    assert told() == (4 * due, 4 * due), "three notices and one end for each licence"
    with crew.transaction() as db:
        sweep = db.get_one(Sweep, (crew.id, sweep_id))
        assert (sweep.expired, sweep.notices) == (due, 3 * due)
    assert_without_holes(crew)
