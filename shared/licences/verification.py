"""Verification: a licence with its printed facts, found by its printed code.

`queries` reads for members, within an organization and a scope of folders. Here nobody has signed in: the code alone
gives access, and only to the facts that are printed beside it.
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
from shared.catalogue import CODE, DESCRIPTION, TITLE, Course, CourseVersion
from shared.database import current_org
from shared.directory import Party
from shared.errors import NotFound, Problem
from shared.licences.models import Licence, LicenceState
from shared.licences.queries import HAS_BEEN, state_of

_CODE = re.compile(r"[0-9A-F]{16}")
_READ_AS = str.maketrans({"O": "0", "I": "1", "L": "1"} | dict.fromkeys("-\u2010\u2011\u2012\u2013\u2014_. \t\xa0"))
"""How typed characters are read: separators are dropped, and O, I and L become digits, as no code contains them."""


class Validity(StrEnum):
    """The state of a licence in the words of a gate: `valid` instead of `active`. Only `valid` lets its holder work."""

    VALID = "valid"
    NOT_YET_VALID = "not-yet-valid"
    EXPIRED = "expired"
    REVOKED = "revoked"
    SUPERSEDED = "superseded"


class CodeUnknown(Problem):
    """No licence has this code, or the text is not a code. The answer does not tell which of the two."""

    slug, status, title = "code-unknown", 404, "No licence has this code"

    def __init__(self) -> None:
        super().__init__(
            "Please compare it with the certificate: it has 16 characters, the digits 0 to 9 and the letters A to F. "
            "Dashes, spaces and small letters make no difference."
        )


@dataclass(frozen=True)
class Proof:
    """A licence with the names that are printed on its certificate: the course's as of its version's publication.

    language: of its holder, None if the holder has none of its own. erased: True if the holder was erased.
    """

    licence: Licence
    holder: str
    title: str
    code: str
    description: str | None
    version: str
    language: str | None = None
    erased: bool = False


def read_code(typed: str) -> str | None:
    """Returns a typed code as it is stored, or None if the text cannot be a code."""
    code = typed.strip()[:100].upper().translate(_READ_AS)
    return code if _CODE.fullmatch(code) else None


def grouped(code: str) -> str:
    """Returns a code as it is printed: `0123-4567-89AB-CDEF`."""
    return "-".join(code[at : at + 4] for at in range(0, len(code), 4))


def validity(licence: Licence, now: datetime) -> tuple[Validity, datetime]:
    """Returns the validity of a licence, and the instant until which it is valid or since which it is not.

    Of a licence that is not valid yet, the instant from which it will be.
    """
    match state_of(licence, now):
        case LicenceState.ACTIVE if licence.begins_at > now:
            return Validity.NOT_YET_VALID, licence.begins_at
        case LicenceState.ACTIVE:
            return Validity.VALID, licence.expires_at
        case state:
            ended = {LicenceState.REVOKED: licence.revoked_at, LicenceState.SUPERSEDED: licence.superseded_at}
            return Validity(state), ended.get(state) or licence.expires_at


def organization_of(db: Session, code: str) -> str | None:
    """Returns the id of the organization that granted the licence with this code, or None.

    The only one of these queries that runs in a transaction without an organization.
    """
    return db.scalar(select(func.organization_of_licence(code)))


def get_proof_by_code(db: Session, code: str) -> Proof:
    """Returns the licence with this code. Call it in a transaction for its organization. Raises CodeUnknown."""
    row = db.execute(_proofs(db).where(Licence.code == code)).one_or_none()
    if row is None:
        raise CodeUnknown
    return Proof(*row)


def get_proof(db: Session, licence_id: uuid.UUID, scope: Collection[str] | None) -> Proof:
    """Returns one licence. scope: the folders whose parties the caller may see, None for all. Raises NotFound."""
    seen = directory.in_scope(Licence.party_id, scope)
    row = db.execute(_proofs(db).where(Licence.id == licence_id, seen)).one_or_none()
    if row is None:
        raise NotFound("licence")
    return Proof(*row)


def holder_of(db: Session, licence_id: uuid.UUID) -> str | None:
    """Returns the id of the party that holds a licence, or None if there is no such licence."""
    return db.scalar(select(Licence.party_id).where(Licence.org_id == current_org(db), Licence.id == licence_id))


def _proofs(db: Session) -> Select[Licence, str, str, str, str | None, str, str | None, bool]:
    return (
        select(
            Licence,
            Party.display_name,
            TITLE,
            CODE,
            DESCRIPTION,
            CourseVersion.label,
            Party.language,
            Party.erased_at.is_not(None),
        )
        .join(Party, and_(Party.org_id == Licence.org_id, Party.id == Licence.party_id))
        .join(Course, and_(Course.org_id == Licence.org_id, Course.id == Licence.course_id))
        .join(
            CourseVersion,
            and_(CourseVersion.org_id == Licence.org_id, CourseVersion.id == Licence.course_version_id),
        )
        .where(Licence.org_id == current_org(db), HAS_BEEN)
    )
