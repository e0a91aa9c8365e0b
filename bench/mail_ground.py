"""An organization whose parties have all been assigned a course, for the deliveries that follow from it."""

import uuid

from sqlalchemy import text

from shared import events
from shared.events import Actor, Fact
from worker.app import parts


def lay_out(org_id: str, parties: int) -> None:
    """Insert the organization, with an event per assignment that has no delivery yet."""
    course, version = uuid.uuid4(), uuid.uuid4()
    key = {"org": org_id, "course": course, "version": version, "parties": parties}
    with parts.database.transaction(org_id) as db:
        for statement in (
            "INSERT INTO organization (id, name, time_zone, created_at) VALUES (:org, 'Bench', 'UTC', now())",
            "INSERT INTO event_stream (org_id) VALUES (:org)",
            """INSERT INTO party (org_id, id, display_name, email, created_at, updated_at)
               SELECT :org, 'p' || n, 'Party ' || n, 'p' || n || '@crew.example', now(), now()
               FROM generate_series(1, :parties) AS n""",
            """INSERT INTO course (org_id, id, title, code, mode, licence_on, created_at, updated_at)
               VALUES (:org, :course, 'Hydrogen-sulfide response', 'H2S', 'flex', 'session', now(), now())""",
            """INSERT INTO course_version (org_id, id, course_id, label, state, created_at, published_at, published_by)
               VALUES (:org, :version, :course, 'v3.2', 'active', now(), now(), 'bench')""",
            """INSERT INTO assignment (org_id, course_id, course_version_id, party_id, reason, due_on, assigned_by_type,
                                       assigned_by_id, assigned_at)
               SELECT :org, :course, :version, id, 'Annual refresher', current_date + 30, 'member', 'bench', now()
               FROM party WHERE org_id = :org""",
        ):
            db.execute(text(statement), key)
        rows = db.execute(text("SELECT id, party_id FROM assignment WHERE org_id = :org"), key).all()
        now = db.scalar(text("SELECT now()"))
        facts = [Fact("assignment.created", f"assignment/{one}", {}, party) for one, party in rows]
        events.record(db, Actor("member", "bench"), now, *facts)
