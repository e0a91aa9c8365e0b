"""The names of users: they are unique, kept as sent, and of an erased party only their digests are left.

Every function that writes them is called while the user's party is locked, and before an event is recorded.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, literal, null, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, aliased

from shared.arrays import is_one_of
from shared.database import current_org
from shared.directory.models import Party, ScimUser
from shared.directory.scim.attributes import Condition
from shared.directory.scim.schemas import Taken, UserRequest

TAKEN = "Another user has this userName or externalId already."
ERASED = "The party that had this userName or externalId was erased for good; whoever returns comes under other names."


def deleted_under(db: Session, request: UserRequest) -> str | None:
    """Returns the id of the deleted user that had one of these names, None if nobody had. Raises Taken."""
    folded = func.caseless(literal(request.user_name))
    known: Condition = ScimUser.folded_name.in_([folded, _digest(db, folded)])
    if request.external_id is not None:
        own = literal(request.external_id)
        known = or_(known, ScimUser.external_id.in_([own, _digest(db, own)]))
    columns = (ScimUser.party_id, ScimUser.hidden_at, ScimUser.user_name)
    found = db.execute(select(*columns).where(ScimUser.org_id == current_org(db), known)).all()
    if any(row.user_name is None for row in found):
        raise Taken(ERASED)
    if any(row.hidden_at is None for row in found) or len(found) > 1:
        raise Taken(TAKEN)
    return str(found[0].party_id) if found else None


def named_among(db: Session, party_ids: Collection[str]) -> set[str]:
    """Returns those of the parties that a client has given names, without erased ones."""
    theirs = is_one_of(ScimUser.party_id, party_ids)
    found = select(ScimUser.party_id).where(ScimUser.org_id == current_org(db), theirs, ScimUser.user_name.is_not(None))
    return set(db.scalars(found))


def need_free(db: Session, user_name: str, user_id: str) -> None:
    """Raise Taken if a party without names has this name as its id, and is not this user, or this id is taken."""
    org_id = current_org(db)
    of_others = and_(Party.folded_id == user_name.lower(), Party.id != user_id, ~has_names(org_id, Party.id))
    rows = select(Party.erased_at).where(Party.org_id == org_id, or_(Party.id == user_id, of_others))
    found = rows.add_columns((Party.id != user_id).label("other"))
    for row in db.execute(found):
        if row.erased_at is not None and not row.other:
            raise Taken(ERASED)
        if row.other and row.erased_at is None:
            raise Taken(TAKEN)


def has_names(org_id: str, party_id: Any) -> Condition:
    """Returns the condition that a client has given a party names."""
    names = aliased(ScimUser)
    return select(names.party_id).where(names.org_id == org_id, names.party_id == party_id).exists()


def _digest(db: Session, text: Any) -> ColumnElement[str]:
    """Returns the digest of a name, as an expression. Of another organization the same name has another digest."""
    salted = func.convert_to(func.concat(current_org(db), " ", text), "UTF8")
    return func.concat("sha256:", func.encode(func.sha256(salted), "hex"))


def write_names(db: Session, party_id: str, request: UserRequest, now: datetime, returning: bool) -> None:
    """Write the names of a user who is new or comes back. Of two requests at once, one raises Taken."""
    values = _names(request, now) | {"hidden_at": None}
    try:
        if returning:
            change = update(ScimUser).where(ScimUser.hidden_at.is_not(None), ScimUser.party_id == party_id)
            written = db.scalar(
                change.where(ScimUser.org_id == current_org(db)).values(values).returning(ScimUser.party_id)
            )
        else:
            new = insert(ScimUser).values(org_id=current_org(db), party_id=party_id, **values)
            written = db.scalar(new.on_conflict_do_nothing().returning(ScimUser.party_id))
    except IntegrityError as error:
        raise Taken(TAKEN) from error
    if written is None:
        raise Taken(TAKEN)


def rename(db: Session, party_id: str, request: UserRequest, now: datetime, *, hidden: bool) -> None:
    """Write the names of a user that exists. Raises Taken."""
    values = _names(request, now) | {"hidden_at": now if hidden else null()}
    new = insert(ScimUser).values(org_id=current_org(db), party_id=party_id, **values)
    try:
        db.execute(new.on_conflict_do_update(index_elements=[ScimUser.org_id, ScimUser.party_id], set_=values))
    except IntegrityError as error:
        raise Taken(TAKEN) from error


def _names(request: UserRequest, now: datetime) -> dict[str, Any]:
    return {
        "user_name": request.user_name,
        "folded_name": func.caseless(literal(request.user_name)),
        "external_id": request.external_id,
        "manager": request.manager,
        "updated_at": now,
    }


def forget_user(db: Session, party_id: str, now: datetime) -> None:
    """Blank the names of a party that is being erased, but for digests by which they are known to be taken."""
    forgotten = (
        update(ScimUser)
        .where(ScimUser.org_id == current_org(db), ScimUser.party_id == party_id, ScimUser.user_name.is_not(None))
        .values(
            user_name=None,
            folded_name=_digest(db, ScimUser.folded_name),
            external_id=case((ScimUser.external_id.is_not(None), _digest(db, ScimUser.external_id))),
            manager=None,
            hidden_at=func.coalesce(ScimUser.hidden_at, now),
            updated_at=now,
        )
    )
    db.execute(forgotten.execution_options(synchronize_session=False))
