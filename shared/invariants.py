"""The invariants of the fault model, which must hold at every moment, as SQL that finds violations.

Row-level security restricts each statement to one organization. A statement selects one text for each violation, with
kinds and ids and no names. Tests run the statements after every fault, `rollcall doctor --invariants` in production.
SQL alone cannot check that every validity follows from dates, that every job ends, or what is sent; tests do.
"""

from dataclasses import dataclass

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from shared.database import current_org

MOST_ATTEMPTS = 10
"""A chunk is split after its second attempt; a few more attempts can be lost to kills while it is being split."""

MOST_SHOWN = 20


@dataclass(frozen=True)
class Invariant:
    """One invariant. violated: SQL that selects a text for each violation. of: the tables that it reads."""

    name: str
    promise: str
    violated: str
    of: tuple[str, ...]


@dataclass(frozen=True)
class Violation:
    """One place where an invariant does not hold. place: kind and id."""

    invariant: Invariant
    place: str

    def __str__(self) -> str:
        return f"{self.invariant.name} ({self.invariant.promise}): {self.place}"


INVARIANTS = (
    Invariant(
        "I1",
        "one job for an idempotency key",
        """SELECT 'jobs ' || string_agg(id::text, ', ') FROM job
           WHERE idempotency_key IS NOT NULL GROUP BY idempotency_key HAVING count(*) > 1""",
        ("job",),
    ),
    Invariant(
        "I2",
        "outcomes add up to the total, and a job that has ended has no open chunk",
        """SELECT 'job ' || job.id FROM job,
               LATERAL (SELECT coalesce(sum(cardinality(recipients)) FILTER (WHERE state <> 'split'), 0) AS total,
                        coalesce(sum(cardinality(recipients)) FILTER (WHERE state = 'pending'), 0) AS pending,
                        coalesce(sum(cardinality(recipients)) FILTER (WHERE state = 'cancelled'), 0) AS cancelled
                        FROM job_chunk WHERE job_id = job.id) AS chunks,
               LATERAL (SELECT count(*) FILTER (WHERE outcome = 'unchanged') AS unchanged,
                        count(*) FILTER (WHERE outcome = 'failed') AS failed
                        FROM job_outcome WHERE job_id = job.id) AS outcomes
           WHERE (job.total, job.pending, job.cancelled, job.unchanged, job.failed) IS DISTINCT FROM
               (chunks.total, chunks.pending, chunks.cancelled, outcomes.unchanged, outcomes.failed)""",
        ("job", "job_chunk", "job_outcome"),
    ),
    Invariant(
        "I3",
        "at most one open assignment for a party and version",
        """SELECT 'assignments ' || string_agg(id::text, ', ') FROM assignment
           WHERE state = 'assigned' GROUP BY course_version_id, party_id HAVING count(*) > 1""",
        ("assignment",),
    ),
    Invariant(
        "I3",
        "one licence that is not revoked for a session and party, and at most one that counts for a party and course",
        """SELECT 'licences ' || string_agg(id::text, ', ') FROM licence
           WHERE session_id IS NOT NULL AND revoked_at IS NULL GROUP BY session_id, party_id HAVING count(*) > 1
           UNION ALL
           SELECT 'licences ' || string_agg(id::text, ', ') FROM licence
           WHERE revoked_at IS NULL AND superseded_at IS NULL GROUP BY party_id, course_id HAVING count(*) > 1""",
        ("licence",),
    ),
    Invariant(
        "I4",
        "each recipient that a job assigned to has exactly one assignment and one event",
        """SELECT 'job ' || job.id || ' counts ' || succeeded || ' successes and made ' || made FROM job,
               LATERAL (SELECT count(DISTINCT event.party_id) AS parties, count(DISTINCT assignment.id) AS made
                        FROM assignment LEFT JOIN event ON event.type = 'assignment.created'
                            AND event.subject = 'assignment/' || assignment.id
                        WHERE assignment.job_id = job.id) AS assignments
           WHERE kind = 'assignments.create' AND (made, parties) IS DISTINCT FROM (succeeded, succeeded)
           UNION ALL
           SELECT 'assignment ' || assignment.id || ' has ' || count(event.id) || ' events' FROM assignment
           LEFT JOIN event ON event.type = 'assignment.created' AND event.subject = 'assignment/' || assignment.id
           WHERE assignment.job_id IS NOT NULL GROUP BY assignment.id HAVING count(event.id) <> 1""",
        ("job", "assignment", "event"),
    ),
    Invariant(
        "I4",
        "each party that attended a completed session has its licence or an outcome; a licence has one event",
        """SELECT 'session ' || training_session.id || ' lacks the licence of ' || roster_entry.party_id
           FROM training_session JOIN job ON job.id = completion_job_id AND job.cancelled = 0
           JOIN roster_entry ON roster_entry.session_id = training_session.id
           WHERE training_session.state = 'completed' AND attendance = 'attended' AND amended_at IS NULL
               AND NOT EXISTS (SELECT FROM licence WHERE licence.session_id = training_session.id
                   AND licence.party_id = roster_entry.party_id)
               AND NOT EXISTS (SELECT FROM job_outcome WHERE job_outcome.job_id = job.id
                   AND entity_id = roster_entry.party_id)
               AND NOT EXISTS (SELECT FROM former_party WHERE into_id = roster_entry.party_id)
           UNION ALL
           SELECT 'licence ' || licence.id || ' has ' || count(event.id) || ' events' FROM licence
           LEFT JOIN event ON event.subject = 'licence/' || licence.id
               AND event.type IN ('licence.granted', 'licence.recorded')
           GROUP BY licence.id HAVING count(event.id) <> 1""",
        ("training_session", "roster_entry", "job", "job_outcome", "licence", "event", "former_party"),
    ),
    Invariant(
        "I5",
        "events are numbered 1, 2, 3 ... without a hole",
        """SELECT 'event ' || sequence || ' comes after ' || former
           FROM (SELECT sequence, lag(sequence, 1, 0::bigint) OVER (ORDER BY sequence) AS former FROM event) AS numbered
           WHERE sequence <> former + 1
           UNION ALL
           SELECT 'the last event is ' || last || ', the counter says ' || last_sequence FROM event_stream,
               LATERAL (SELECT coalesce(max(sequence), 0) AS last FROM event) AS events
           WHERE last <> last_sequence""",
        ("event", "event_stream"),
    ),
    Invariant(
        "I6",
        "one delivery for an event and receiver, and one more for each replay",
        """SELECT 'deliveries ' || string_agg(id::text, ', ') FROM delivery
           GROUP BY channel, receiver, sequence, replay HAVING count(*) > 1""",
        ("delivery",),
    ),
    Invariant(
        "I7",
        "row-level security guards every table of an organization, and binds the serving role",
        """SELECT 'table ' || pg_class.relname FROM pg_class
           WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')
               AND (relname = 'organization' OR EXISTS (
                   SELECT FROM pg_attribute WHERE attrelid = pg_class.oid AND attname = 'org_id' AND NOT attisdropped))
               AND NOT (relrowsecurity AND relforcerowsecurity
                   AND EXISTS (SELECT FROM pg_policy WHERE polrelid = pg_class.oid))
           UNION ALL
           SELECT 'role ' || rolname FROM pg_roles WHERE rolname = current_user AND (rolsuper OR rolbypassrls
               OR EXISTS (SELECT FROM pg_class WHERE relowner = pg_roles.oid))""",
        (),
    ),
    Invariant(
        "I8",
        "a job ends once, and attempts are bounded",
        f"""SELECT 'job ' || job.id || ' has ended ' || count(event.id) || ' times' FROM job
           LEFT JOIN event ON event.subject = 'job/' || job.id AND event.type = 'job.finished'
           WHERE job.finished_at IS NOT NULL AND job.total > 0 GROUP BY job.id HAVING count(event.id) <> 1
           UNION ALL
           SELECT 'chunk ' || n || ' of job ' || job_id || ' was begun ' || attempts || ' times' FROM job_chunk
           WHERE attempts > {MOST_ATTEMPTS}""",  # noqa: S608 - a number of ours
        ("job", "job_chunk", "event"),
    ),
    Invariant(
        "I9",
        "the expiry of a licence is published after its end, and only once for that end",
        """SELECT 'licence ' || id FROM licence LEFT JOIN licence_due AS due
               ON due.org_id = licence.org_id AND licence_id = id
           WHERE (due.expires_at, counts) IS DISTINCT FROM
               (licence.expires_at, revoked_at IS NULL AND superseded_at IS NULL)
           UNION ALL
           SELECT subject || ' has an event of its expiry before ' || (data->>'expiresAt') FROM event
           WHERE type = 'licence.expired' AND recorded_at < (data->>'expiresAt')::timestamptz
           UNION ALL
           SELECT subject || ' has two events of its expiry at ' || (data->>'expiresAt') FROM event
           WHERE type = 'licence.expired' GROUP BY subject, data->>'expiresAt' HAVING count(*) > 1""",
        ("licence", "licence_due", "event"),
    ),
)


def violations(db: Session) -> list[Violation]:
    """Returns every violation in the transaction's organization.

    Raises LookupError without an organization: row-level security would hide all rows, and all would seem well.
    """
    current_org(db)
    return [Violation(invariant, place) for invariant in INVARIANTS for place in places(db, invariant)]


def places(db: Session, invariant: Invariant) -> list[str]:
    """Returns up to 20 places where this invariant does not hold; none in a deployment without its tables."""
    if any(db.scalar(select(func.to_regclass(table))) is None for table in invariant.of):
        return []
    return list(db.scalars(text(f"{invariant.violated} LIMIT {MOST_SHOWN}")))
