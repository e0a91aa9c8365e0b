"""Saving, renaming, sharing and deleting views, and choosing start pages."""

import re
import uuid
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, exists, func, literal_column, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from shared import events
from shared.database import current_org
from shared.errors import Conflict, Fault, InvalidInput
from shared.events import Actor, Fact
from shared.views.models import SavedView, StartPage
from shared.views.schemas import ViewRequest

MOST_OWN = 50
"""Views of one member that are not shared."""
MOST_SHARED = 50
"""Views that an organization shares."""
LONGEST_NAME = 60
"""Characters of a name: it is a link over a list."""
LONGEST_QUERY = 1500
"""Characters of all filters and columns of a view. The way back after a sign-in has room for an address of 2,000."""


class ViewNameTaken(Conflict):
    """There is a view of the list with this name."""

    slug, title = "view-name-taken", "Name taken"

    def __init__(self) -> None:
        fault = Fault("/name", "Choose another name, or replace the view that has this one.")
        super().__init__("There is a view of this list with this name.", errors=(fault,))


class TooManyViews(Conflict):
    """A member has as many views, or the organization shares as many, as it may."""

    slug, title = "too-many-views", "Too many views"


def save_view(db: Session, body: ViewRequest, actor: Actor, now: datetime) -> SavedView:
    """Save a view. Raises InvalidInput for one that is too long, ViewNameTaken, TooManyViews.

    Two that are saved at once may exceed the limit by one, as the count locks nothing.
    """
    _check_lengths(body)
    _need_room(db, actor.id, shared=body.shared, but=_fold(body.name) if body.replace else None)
    given = {"name": body.name, "filters": body.filters, "columns": body.columns, "changed_at": now}
    beginning = {"list_name": body.list_name, "folded": _fold(body.name), "owner_id": actor.id, "shared": body.shared}
    row = insert(SavedView).values(org_id=current_org(db), made_at=now, **beginning, **given)
    if body.replace:
        row = row.on_conflict_do_update(**_conflict(body.shared), set_=given)
    else:
        row = row.on_conflict_do_nothing()
    returning: Any = row.returning(SavedView, literal_column("xmax = 0"))
    found = db.execute(returning, execution_options={"populate_existing": True}).one_or_none()
    if found is None:
        raise ViewNameTaken
    view: SavedView = found[0]
    if found[1]:
        _record(db, view, "view.saved", actor, now)
    else:
        _record(db, view, "view.changed", actor, now, "filters", "columns")
    return view


def _conflict(shared: bool) -> dict[str, Any]:
    """Return the unique index that a view of the same name would break."""
    if shared:
        return {"index_elements": ["org_id", "list_name", "folded"], "index_where": SavedView.shared}
    return {"index_elements": ["org_id", "owner_id", "list_name", "folded"], "index_where": ~SavedView.shared}


def rename_view(db: Session, view: SavedView, name: str, actor: Actor, now: datetime) -> None:
    """Give a view another name. Raises InvalidInput, ViewNameTaken."""
    if name == view.name:
        return
    _check_name(name)
    view.name, view.folded, view.changed_at = name, _fold(name), now
    _record(db, view, "view.changed", actor, now, "name")


def share_view(db: Session, view: SavedView, actor: Actor, now: datetime, *, shared: bool) -> None:
    """Share a view with the organization, or give it back to the member who made it alone.

    It is nobody else's start page then. Raises ViewNameTaken, TooManyViews.
    """
    if view.shared == shared:
        return
    _need_room(db, view.owner_id, shared=shared)
    view.shared, view.changed_at = shared, now
    if not shared:
        view.is_default = False
        others = StartPage.view_id == view.id, StartPage.member_id != view.owner_id
        db.execute(delete(StartPage).where(StartPage.org_id == current_org(db), *others))
    _record(db, view, "view.changed", actor, now, "shared")


def delete_view(db: Session, view: SavedView, actor: Actor, now: datetime) -> None:
    """Delete a view. It is nobody's start page then."""
    db.delete(view)
    _record(db, view, "view.deleted", actor, now)


def _check_name(name: str) -> None:
    if len(name) > LONGEST_NAME:
        raise InvalidInput(Fault("/name", f"A name has at most {LONGEST_NAME} characters."))


def _check_lengths(body: ViewRequest) -> None:
    _check_name(body.name)
    texts = [*body.filters, *body.filters.values(), *(body.columns or ())]
    if sum(map(len, texts)) > LONGEST_QUERY:
        raise InvalidInput(Fault("/filters", f"A view has at most {LONGEST_QUERY} characters of filters and columns."))


def _fold(name: str) -> str:
    return name.casefold()


def _need_room(db: Session, owner_id: str, *, shared: bool, but: str | None = None) -> None:
    """Raise TooManyViews if there is no room for another one. but: the name of one that is replaced."""
    kind = SavedView.shared if shared else (~SavedView.shared & (SavedView.owner_id == owner_id))
    others = kind if but is None else kind & (SavedView.folded != but)
    number = db.scalar(select(func.count()).select_from(SavedView).where(SavedView.org_id == current_org(db), others))
    if shared and (number or 0) >= MOST_SHARED:
        raise TooManyViews(f"An organization shares at most {MOST_SHARED} views; delete one first.")
    if not shared and (number or 0) >= MOST_OWN:
        raise TooManyViews(f"A member has at most {MOST_OWN} views besides the shared ones; delete one first.")


def _record(db: Session, view: SavedView, type: str, actor: Actor, now: datetime, *changed: str) -> None:
    """Record what happened to a view. Its name and its filters may name a person, so no event has them.

    Raises ViewNameTaken if it has the name of another one by now.
    """
    try:
        db.flush()
    except IntegrityError as error:
        raise ViewNameTaken from error
    data: dict[str, Any] = {"list": view.list_name, "shared": view.shared}
    events.record(db, actor, now, Fact(type, f"view/{view.id}", data | ({"changed": list(changed)} if changed else {})))


# --- start pages


def choose_start(db: Session, member_id: str, view_id: uuid.UUID | None, now: datetime) -> None:
    """Make a view a member's start page, or the overview. The view is one that the member sees."""
    row = insert(StartPage).values(org_id=current_org(db), member_id=member_id, view_id=view_id, chosen_at=now)
    chosen = {"view_id": view_id, "chosen_at": now}
    db.execute(row.on_conflict_do_update(index_elements=["org_id", "member_id"], set_=chosen))


def clear_start(db: Session, member_id: str) -> None:
    """Let a member have the organization's start page again."""
    db.execute(delete(StartPage).where(StartPage.org_id == current_org(db), StartPage.member_id == member_id))


def set_default(db: Session, view: SavedView | None, actor: Actor, now: datetime) -> None:
    """Make a shared view the start page of everybody who has chosen none; None: the overview."""
    mine = SavedView.org_id == current_org(db), SavedView.is_default
    former = db.scalars(select(SavedView).where(*mine).with_for_update()).one_or_none()
    if (former and former.id) == (view and view.id):
        return
    if former is not None:
        former.is_default = False
        db.flush()
    if view is not None:
        view.is_default = True
        db.flush()
    data = {"viewId": None if view is None else str(view.id)}
    events.record(db, actor, now, Fact("organization.start_page_changed", f"organization/{current_org(db)}", data))


# --- erasure


def forget_person(db: Session, party_ids: Sequence[str], member_id: str | None, name: str) -> None:
    """Delete what an erased party had or was named in: its member's own views and start page, and views about it.

    A view is about a party if a filter names one of its ids, or if its name or a filter has the party's whole name.
    """
    org_id = current_org(db)
    which = _is_about(party_ids, name)
    if member_id is not None:
        clear_start(db, member_id)
        which = or_(which, and_(SavedView.owner_id == member_id, ~SavedView.shared))
    these = select(SavedView.id).where(SavedView.org_id == org_id, which).order_by(SavedView.id).with_for_update()
    db.execute(delete(SavedView).where(SavedView.org_id == org_id, SavedView.id.in_(db.scalars(these).all())))


def _is_about(party_ids: Collection[str], name: str) -> ColumnElement[bool]:
    value = func.jsonb_each_text(SavedView.filters).table_valued("key", "value")
    named = [value.c.value == one for party_id in party_ids for one in (party_id, f"party/{party_id}")]
    texts = []
    if name.strip():
        whole = rf"(^|\W){re.escape(name.strip())}(\W|$)"
        named.append(value.c.value.regexp_match(whole, flags="i"))
        texts.append(SavedView.name.regexp_match(whole, flags="i"))
    return or_(exists(select(1).select_from(value).where(or_(*named))), *texts)
