"""A party that holds a licence. The licence is inserted directly; `tests/licences` tests how licences are granted."""

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import update

from shared.licences import Licence
from tests.assignments.links import assign
from tests.drain import InProcessWorker
from tests.factories import Org

PARTY = "crew-1"
NAME = "Ada Lindqvist"
GRANTED_AT = datetime(2026, 1, 31, 9, 30, 15, 250_000, tzinfo=UTC)
YEAR = timedelta(days=365)


@dataclass(frozen=True)
class Held:
    """A licence in the database. code: as it is stored, without dashes."""

    org: Org
    id: uuid.UUID
    code: str
    course_id: str

    @property
    def path(self) -> str:
        """The path of its public page."""
        return f"/verify/{self.code}"

    def change(self, **fields: Any) -> None:
        """Change columns of its row."""
        with self.org.transaction() as db:
            db.execute(update(Licence).where(Licence.org_id == self.org.id, Licence.id == self.id).values(**fields))

    def get(self, what: str, **caller: Any) -> Any:
        """Requests its `certificate` or `credential` as a member, by default one with all permissions."""
        return self.org.client(**caller).get(f"/v1/licences/{self.id}/{what}")


def hold(
    org: Org,
    worker: InProcessWorker,
    *,
    name: str = NAME,
    label: str = "v3.2",
    granted_at: datetime = GRANTED_AT,
    expires_at: datetime | None = None,
    **course: Any,
) -> Held:
    """Add a party to the directory and grant it a licence, by default a valid one. course: fields of the course."""
    party = {"entityId": PARTY, "displayName": name, "email": "ada@marked.example", "folders": ["crew"]}
    org.client().put("/v1/parties", json={"parties": [party]})
    course_id = org.with_course(label=label, **course)
    assignment_id = assign(org, worker, course_id)
    done = org.client().post(f"/v1/assignments/{assignment_id}/complete")
    assert done.status_code == 200, done.text
    return license_for(org, done.json(), granted_at, expires_at)


def license_for(
    org: Org, assignment: dict[str, Any], granted_at: datetime = GRANTED_AT, expires_at: datetime | None = None
) -> Held:
    """Insert a licence for an assignment, by default a valid one."""
    licence = Licence(
        org_id=org.id,
        party_id=assignment["party"]["entityId"],
        course_id=uuid.UUID(assignment["courseId"]),
        course_version_id=uuid.UUID(assignment["courseVersionId"]),
        assignment_id=uuid.UUID(assignment["id"]),
        granted_by_type="member",
        granted_by_id="marked-member",
        granted_at=granted_at,
        expires_at=expires_at or datetime.now(UTC) + YEAR,
        months=12,
        rule="monthsFromGrant",
        note="marked note",
    )
    with org.transaction() as db:
        db.add(licence)
        db.flush()
        db.refresh(licence)
    return Held(org, licence.id, licence.code, assignment["courseId"])
