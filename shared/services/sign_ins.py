"""Sign-ins: finding the one of a cookie, and the list of one's own, in which each can be ended."""

import uuid
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import and_, select
from sqlalchemy.orm import Session

from shared import access
from shared.access import Caller, EndReason, Identity, Organization, SignIn, SignInIssuer
from shared.database import Database, current_org
from shared.directory import Party
from shared.reading import on_loop
from shared.services.verbs import verb

MOST_LISTED = 100
"""Sign-ins in the list of their owner. They are kept for a month, and few people sign in three times a day."""


class FoundSignIn(NamedTuple):
    """A valid sign-in with its organization."""

    sign_in: SignIn
    organization: Organization


def begin(db: Session, identity: Identity, agent: str | None, now: datetime) -> tuple[SignIn, str]:
    """Begin a sign-in of a person whom an identity provider has named. Returns it with the value of its cookie."""
    return access.begin_sign_in(db, identity, agent, now)


async def find(database: Database, cookie: str, now: datetime) -> FoundSignIn | None:
    """Return the valid sign-in that a cookie names, in one query from the event loop, or None."""
    if read := access.read_cookie(cookie):
        org_id, token_hash = read
        return await on_loop(_find, db=database.reading(org_id), token_hash=token_hash, now=now)
    return None


def _find(db: Session, token_hash: bytes, now: datetime) -> FoundSignIn | None:
    """Return the valid sign-in with this hash, or None.

    One whose party is inactive, or whose issuer has another mapping by now, is not valid.
    """
    row = db.execute(
        select(SignIn, Organization, Party.active, SignInIssuer.version)
        .join(Organization, Organization.id == SignIn.org_id)
        .outerjoin(Party, and_(Party.org_id == SignIn.org_id, Party.id == SignIn.party_id))
        .outerjoin(
            SignInIssuer,
            and_(
                SignInIssuer.org_id == SignIn.org_id,
                SignInIssuer.issuer == SignIn.issuer,
                SignInIssuer.unbound_at.is_(None),
            ),
        )
        .where(SignIn.org_id == current_org(db), SignIn.token_hash == token_hash)
    ).first()
    if row is None:
        return None
    sign_in, organization, is_active, version = row
    is_mapped = sign_in.mapping_version in (None, version)
    if not sign_in.is_valid(now) or is_active is False or not is_mapped:
        return None
    return FoundSignIn(sign_in, organization)


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
