"""Sign-ins: finding the one of a cookie, and the list of one's own, in which each can be ended."""

import uuid
from datetime import datetime
from typing import NamedTuple

from sqlalchemy.orm import Session

from shared import access
from shared.access import Caller, EndReason, Identity, Organization, SignIn
from shared.asking import Question
from shared.database import Database
from shared.services.verbs import verb
from shared.shapes import detached

MOST_LISTED = 100
"""Sign-ins in the list of their owner. They are kept for a month, and few people sign in three times a day."""


class FoundSignIn(NamedTuple):
    """A valid sign-in with its organization. language: of the party that it represents, if that has one."""

    sign_in: SignIn
    organization: Organization
    language: str | None


def begin(db: Session, identity: Identity, agent: str | None, now: datetime) -> tuple[SignIn, str]:
    """Begin a sign-in of a person whom an identity provider has named. Returns it with the value of its cookie."""
    return access.begin_sign_in(db, identity, agent, now)


_OF_SIGN_IN = [column.name for column in SignIn.__table__.columns]
_OF_ORGANIZATION = [column.name for column in Organization.__table__.columns]

_FOUND = Question(
    name="sign_in",
    query=f"""SELECT {", ".join(f"sign_in.{name}" for name in _OF_SIGN_IN)},
        {", ".join(f"organization.{name}" for name in _OF_ORGANIZATION)},
        party.active, party.language, sign_in_issuer.version
        FROM sign_in
        JOIN organization ON organization.id = sign_in.org_id
        LEFT JOIN party ON party.org_id = sign_in.org_id AND party.id = sign_in.party_id
        LEFT JOIN sign_in_issuer ON sign_in_issuer.org_id = sign_in.org_id
            AND sign_in_issuer.issuer = sign_in.issuer AND sign_in_issuer.unbound_at IS NULL
        WHERE sign_in.org_id = %(org)s AND sign_in.token_hash = %(token)s""",  # noqa: S608 - names of columns
    parameters={"org": "text", "token": "bytea"},
)
"""Every page asks it, so it is no statement of SQLAlchemy: that took five times the processor time."""


async def find(database: Database, cookie: str, now: datetime) -> FoundSignIn | None:
    """Return the valid sign-in that a cookie names, in one query from the event loop, or None.

    One whose party is inactive, or whose issuer has another mapping by now, is not valid.
    """
    read = access.read_cookie(cookie)
    if read is None:
        return None
    org_id, token_hash = read
    rows = await database.ask(org_id, _FOUND, {"org": org_id, "token": token_hash})
    if not rows:
        return None
    *values, is_active, language, version = rows[0]
    sign_in = detached(SignIn, zip(_OF_SIGN_IN, values, strict=False))
    organization = detached(Organization, zip(_OF_ORGANIZATION, values[len(_OF_SIGN_IN) :], strict=True))
    is_mapped = sign_in.mapping_version in (None, version)
    if not sign_in.is_valid(now) or is_active is False or not is_mapped:
        return None
    return FoundSignIn(sign_in, organization, language)


@verb()
def note_use(database: Database, caller: Caller, sign_in_id: uuid.UUID, now: datetime) -> None:
    """Note that a sign-in was used, so that it does not end as idle."""
    database.note(caller.org_id, access.note_use(sign_in_id, now))


@verb()
def list_own(db: Session, caller: Caller) -> list[SignIn]:
    """Return the caller's own sign-ins, the newest first, at most `MOST_LISTED`."""
    return list(db.scalars(access.list_sign_ins(db, caller.member_id).limit(MOST_LISTED)))


@verb()
def end_own(db: Session, caller: Caller, sign_in_id: uuid.UUID, reason: EndReason, now: datetime) -> None:
    """End a sign-in of the caller's own. Ending it again does nothing. Raises NotFound."""
    access.end_sign_in(db, sign_in_id, caller.member_id, reason, now)


@verb()
def sign_out(database: Database, caller: Caller, sign_in_id: uuid.UUID, now: datetime) -> None:
    """End the sign-in that the caller is using. It opens its own transaction."""
    with database.transaction(caller.org_id) as db:
        access.end_sign_in(db, sign_in_id, caller.member_id, EndReason.SIGNED_OUT, now)
