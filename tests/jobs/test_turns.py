"""Turns: which organization a worker serves next, however many jobs another one has waiting."""

from datetime import datetime, timedelta
from typing import Any

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from shared import jobs
from shared.database import current_org
from shared.jobs import Claim, organizations_in_turn
from tests.assignments.asking import body
from tests.assignments.asking import submit as submit_assignments
from tests.conftest import Servers
from tests.counting import reading_in
from tests.drain import InProcessWorker
from tests.factories import Org
from tests.jobs.steps import CHUNK, CLAIM_SECONDS, LATER, NOW, WINDOW, cancel, claim, finish, submit

A_LOT = 60


def in_turn(org: Org, *others: Org, at: datetime = NOW, window: int = WINDOW) -> list[str]:
    """The order of these organizations' turns. Other tests' organizations are left out."""
    with org.transaction() as db:
        found = organizations_in_turn(db, window, at, CLAIM_SECONDS, most=100_000)
    return [org_id for org_id in found if org_id in {one.id for one in (org, *others)}]


def test_the_organization_with_fewer_chunks_in_progress_is_first(org: Org, other_org: Org) -> None:
    submit(org, 8 * CHUNK)
    submit(other_org, 8 * CHUNK)
    for first, second in ((org, other_org), (other_org, org)):
        claim(first)
        claim(first)
        assert in_turn(org, other_org) == [second.id, first.id]
        claim(second)
        claim(second)


def test_of_two_idle_organizations_the_one_served_longest_ago_is_first(org: Org, other_org: Org) -> None:
    """Not the one whose job waits longest: with a thousand jobs that would always be the same."""
    for one in (org, other_org):
        for _ in range(3):
            submit(one, CHUNK)
    served = []
    for n in range(6):
        (first, *_) = in_turn(org, other_org)
        served.append(first)
        one = org if first == org.id else other_org
        finish(one, claim(one, NOW + timedelta(seconds=n)))
    assert served in ([org.id, other_org.id] * 3, [other_org.id, org.id] * 3)


def test_an_organization_with_a_full_window_has_no_turn(org: Org) -> None:
    submit(org, 3 * CHUNK)
    claim(org)
    assert (in_turn(org, window=1), in_turn(org, window=2)) == ([], [org.id])


def test_an_organization_whose_workers_died_has_a_turn(org: Org) -> None:
    submit(org, CHUNK)
    claim(org, window=1)
    assert (in_turn(org, window=1), in_turn(org, at=LATER, window=1)) == ([], [org.id])


def test_an_organization_without_anything_to_claim_has_no_turn(org: Org, other_org: Org) -> None:
    cancel(org, submit(org, CHUNK))
    finish(other_org, (submit(other_org, CHUNK), claim(other_org))[1])
    assert in_turn(org, other_org) == []


@pytest.mark.parametrize("analysed", [False, True], ids=["young", "analysed"])
def test_choosing_and_claiming_cost_the_same_with_thousands_of_jobs_waiting(
    org: Org, other_org: Org, servers: Servers, analysed: bool
) -> None:
    """Counted in rows that the plans read. Young: PostgreSQL knows the jobs of another organization, not these.

    Before the new rows have statistics, PostgreSQL may update the one job that is claimed by an index of the whole
    organization, so a claim is counted only afterwards. Nor is it counted where the tables were almost empty when they
    were analysed last: there PostgreSQL rightly reads them whole.
    """
    submit(other_org, CHUNK)
    _add_thousands(other_org)
    _analyse(servers)
    submit(org, CHUNK)
    few = _rows_read(org, claims=analysed)
    _add_thousands(org)
    if analysed:
        _analyse(servers)
    assert _rows_read(org, claims=analysed) < few + 200


def _add_thousands(org: Org) -> None:
    """Add 3,000 jobs like the one that the organization has, each with a chunk to be claimed."""
    with org.transaction() as db:
        db.execute(text("SET LOCAL statement_timeout = 0"))  # on a busy machine, the rows may take a while
        db.execute(
            text("""
                INSERT INTO job (org_id, id, kind, state, total, request, submitted_by_type, submitted_by_id,
                    submitted_at, progressed_at)
                SELECT org_id, gen_random_uuid(), kind, 'queued', total, request, submitted_by_type, submitted_by_id,
                    submitted_at, progressed_at + n * interval '1 second'
                FROM job, generate_series(1, 3000) AS n WHERE org_id = :org"""),
            {"org": org.id},
        )
        db.execute(
            text("""INSERT INTO job_chunk (org_id, job_id, n, recipients)
                    SELECT org_id, id, 0, ARRAY['00001']
                    FROM job WHERE org_id = :org AND NOT EXISTS (SELECT FROM job_chunk WHERE job_id = job.id)"""),
            {"org": org.id},
        )


def _analyse(servers: Servers) -> None:
    with psycopg.connect(servers.owner_url, autocommit=True) as owner:
        owner.execute("ANALYZE job, job_chunk")


def _rows_read(org: Org, *, claims: bool) -> int:
    """Returns how many rows and index entries of jobs and chunks one choice and one claim read."""
    with org.transaction() as db:
        with reading_in(db) as reads:
            jobs.organizations_in_turn(db, WINDOW, NOW, CLAIM_SECONDS)
            if claims:
                jobs.claim(db, NOW, CLAIM_SECONDS, WINDOW)
        db.rollback()
    return reads.of("job", "job_chunk")


def test_a_small_job_is_not_behind_sixty_jobs_of_another_organization(
    org: Org, other_org: Org, worker: InProcessWorker
) -> None:
    """Two workers: whenever one does a chunk, the other one takes the next message in the middle of it."""
    order = served(org, other_org, worker)
    assert other_org.id in order[:3], order.index(other_org.id)


def test_control_a_small_job_is_behind_sixty_jobs_without_turns(
    org: Org, other_org: Org, worker: InProcessWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if the messages' own organizations were served, first come, first served."""
    in_turn = jobs.organizations_in_turn

    def by_age(*args: Any, **options: Any) -> list[str]:
        return sorted(in_turn(*args, **options), key=[org.id, other_org.id].index)

    monkeypatch.setattr(jobs, "organizations_in_turn", by_age)
    assert served(org, other_org, worker).index(other_org.id) >= A_LOT


def served(org: Org, other_org: Org, worker: InProcessWorker) -> list[str]:
    """Submit sixty jobs of one organization and then one of another. Returns the organizations of chunks in order."""
    for one in (org, other_org):
        one.with_parties("party-1")
    for _ in range(A_LOT):
        submit_assignments(org.client(), body(org.with_course(), "party-1"))
    submit_assignments(other_org.client(), body(other_org.with_course(), "party-1"))
    worker.organizations |= {org.id, other_org.id}  # a worker knows every organization, whatever its messages name
    order: list[str] = []
    claim_chunk = jobs.claim

    def noting(db: Session, *args: Any) -> Claim | None:
        claimed = claim_chunk(db, *args)
        if claimed is not None:
            order.append(current_org(db))
            if len(order) % 2 and worker.messages:
                db.commit()
                task, ids = worker.messages.popleft()
                worker.deliver(task, *ids)
        return claimed

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jobs, "claim", noting)
        worker.drain(*[org.id] * A_LOT, other_org.id)
    assert len(order) == A_LOT + 1
    return order
