"""A licence before people outside: found by its printed code alone, and told in the few facts that it stands for.

Unlike `queries`, which answers members within an organization and a scope, nobody here has signed in: the code is
the key, and it opens only what was printed beside it.
"""

import re
import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Select, and_, func, select
from sqlalchemy.orm import Session

from shared import directory
from shared.catalogue import Course, CourseVersion
from shared.database import current_org
from shared.directory import Party
from shared.errors import NotFound, Problem
from shared.licences.models import Licence, LicenceState
from shared.licences.queries import state_of

_CODE = re.compile(r"[0-9A-F]{16}")
_READ_AS = str.maketrans({"O": "0", "I": "1", "L": "1"} | dict.fromkeys("-\u2010\u2011\u2012\u2013\u2014_. \t\xa0"))
"""What a code is taken for: its groups may be joined by anything, and it holds no letter that looks like a digit."""


class Validity(StrEnum):
    """What a licence is worth now: its state, in the word that people at a gate use. Only `valid` lets anybody work."""

    VALID = "valid"
    EXPIRED = "expired"
    REVOKED = "revoked"
    SUPERSEDED = "superseded"


class CodeUnknown(Problem):
    """No licence has this code, or it is none. Which of the two is not said."""

    slug, status, title = "code-unknown", 404, "No licence has this code"

    def __init__(self) -> None:
        super().__init__(
            "Please compare it with the certificate: it has 16 characters, the digits 0 to 9 and the letters A to F. "
            "Dashes, spaces and small letters make no difference."
        )


@dataclass(frozen=True)
class Proof:
    """A licence with the names that are printed on it."""

    licence: Licence
    holder: str
    course: Course
    version: str


def read_code(typed: str) -> str | None:
    """The code that somebody typed, as it is stored; None where it cannot be one."""
    code = typed.strip()[:100].upper().translate(_READ_AS)
    return code if _CODE.fullmatch(code) else None


def grouped(code: str) -> str:
    """A code as it is printed: `0123-4567-89AB-CDEF`."""
    return "-".join(code[at : at + 4] for at in range(0, len(code), 4))


def validity(licence: Licence, now: datetime) -> tuple[Validity, datetime]:
    """What it is worth, and until when it is good or since when it is not."""
    match state_of(licence, now):
        case LicenceState.ACTIVE:
            return Validity.VALID, licence.expires_at
        case state:
            ended = {LicenceState.REVOKED: licence.revoked_at, LicenceState.SUPERSEDED: licence.superseded_at}
            return Validity(state), ended.get(state) or licence.expires_at


def organization_of(db: Session, code: str) -> str | None:
    """The organization that granted the licence with this code. The one question that is asked of no organization."""
    return db.scalar(select(func.organization_of_licence(code)))


def proof_by_code(db: Session, code: str) -> Proof:
    """The licence with this code, in a transaction for its organization. Raises CodeUnknown."""
    row = db.execute(_proofs(db).where(Licence.code == code)).one_or_none()
    if row is None:
        raise CodeUnknown
    return Proof(*row)


def proof(db: Session, licence_id: uuid.UUID, scope: Collection[str] | None) -> Proof:
    """One licence. scope: the folders whose parties may be seen, None for all. Raises NotFound."""
    seen = directory.in_scope(Licence.party_id, scope)
    row = db.execute(_proofs(db).where(Licence.id == licence_id, seen)).one_or_none()
    if row is None:
        raise NotFound("licence")
    return Proof(*row)


def holder_of(db: Session, licence_id: uuid.UUID) -> str | None:
    """The id of the party that holds a licence, None where there is no such licence."""
    return db.scalar(select(Licence.party_id).where(Licence.org_id == current_org(db), Licence.id == licence_id))


def _proofs(db: Session) -> Select[Licence, str, Course, str]:
    return (
        select(Licence, Party.display_name, Course, CourseVersion.label)
        .join(Party, and_(Party.org_id == Licence.org_id, Party.id == Licence.party_id))
        .join(Course, and_(Course.org_id == Licence.org_id, Course.id == Licence.course_id))
        .join(
            CourseVersion,
            and_(CourseVersion.org_id == Licence.org_id, CourseVersion.id == Licence.course_version_id),
        )
        .where(Licence.org_id == current_org(db))
    )
