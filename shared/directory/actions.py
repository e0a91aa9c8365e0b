"""Writing the directory: whole sets at a time, with an event for every party and folder that changed.

Synchronising parties is in `synchronising.py`.
"""

from collections.abc import Callable, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.orm import Session

from shared.database import current_org
from shared.directory import statements
from shared.directory.former import NOW, current_ids
from shared.directory.models import Folder, Party
from shared.directory.moving import forget_copies
from shared.directory.recording import record_each
from shared.directory.schemas import FolderRequest
from shared.directory.scim.names import forget_user
from shared.errors import Fault, InvalidInput
from shared.events import Actor

ERASED_NAME = "Erased party"


def put_folder(db: Session, folder_id: str, request: FolderRequest, actor: Actor, now: datetime) -> bool:
    """Create or rename a folder and, if parties are given, make them its only members. Returns True if it is new.

    Erased parties are left out. Raises InvalidInput, which names each party that is not in the directory.
    """
    given, present = None, set[str]()
    if request.party_ids is not None:
        given, present = _lock_members(db, folder_id, request.party_ids)
    created = statements.insert_folders(db, {folder_id: request.name}, now)
    renamed = db.scalars(
        update(Folder)
        .where(Folder.org_id == current_org(db), Folder.id == folder_id, Folder.name != request.name)
        .values(name=request.name, updated_at=now)
        .returning(Folder.id)
    ).all()
    left = statements.remove_members(db, present.difference(given or ()), folder_id=folder_id)
    joined = statements.insert_members(db, {(folder_id, party_id) for party_id in given or ()})
    statements.touch_parties(db, left | joined, now)
    record_each(db, "folder.created", created, actor, now)
    record_each(db, "folder.changed", renamed, actor, now, {"changed": ["name"]})
    record_each(db, "party.changed", left | joined, actor, now, {"changed": ["folders"]})
    return bool(created)


def erase_party(
    db: Session, party_id: str, actor: Actor, now: datetime, along: Callable[[], None] | None = None
) -> None:
    """Erase a party's name, address, member and language, for good. It becomes inactive and leaves all folders.

    Its id and its records stay. Erasing a party again records nothing.
    along: blanks what other nouns keep about the party; called with the party locked, before the event is recorded.
    """
    lock_parties(db, Party.id == party_id)
    blank = {"display_name": ERASED_NAME, "email": None, "member_id": None, "language": None, "active": False}
    erased = db.scalar(
        update(Party)
        .where(Party.org_id == current_org(db), Party.id == party_id, Party.erased_at.is_(None))
        .values(**blank, erased_at=now, updated_at=now)
        .returning(Party.id)
    )
    if erased is not None:
        statements.remove_members(db, [party_id])
        forget_copies(db, party_id)
    forget_user(db, party_id, now)
    if along is not None:
        along()
    if erased is not None:
        record_each(db, "party.erased", [party_id], actor, now)


def lock_parties(db: Session, which: ColumnElement[bool]) -> None:
    """Lock parties until the end of this transaction, in the order of their ids, as every lock of several parties is.

    Other transactions may still insert rows that refer to these parties.
    """
    theirs = select(Party.id).where(Party.org_id == current_org(db), which).order_by(Party.id)
    db.execute(select(func.count()).select_from(theirs.with_for_update(key_share=True).cte("theirs")))


def _lock_members(db: Session, folder_id: str, party_ids: Sequence[str]) -> tuple[set[str], set[str]]:
    """Lock the members of a folder and the parties given.

    Returns those of the parties given that are not erased, and the present members. Raises InvalidInput.
    """
    present = statements.members_of(db, folder_id)
    known = statements.lock_parties(db, present.union(party_ids))
    unknown = [n for n, party_id in enumerate(party_ids) if party_id not in known]
    if unknown:
        now = current_ids(db, [party_ids[n] for n in unknown])
        said = {party_id: NOW.format(other) for party_id, other in now.items()}
        nobody = "There is no such party in the directory."
        raise InvalidInput(*(Fault(f"/partyIds/{n}", said.get(party_ids[n], nobody)) for n in unknown))
    return {party_id for party_id in party_ids if known[party_id].erased_at is None}, present
