"""Reading views: those that a member sees, over a list and all of them, and the start page."""

import uuid
from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import JSON, ColumnElement, ScalarSelect, Select, column, or_, select, text
from sqlalchemy.orm import Session

from shared.database import current_org
from shared.errors import NotFound
from shared.views.models import SavedView, StartPage


def visible(db: Session, member_id: str) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    """Return the conditions of views that a member sees: its own and the shared ones."""
    return SavedView.org_id == current_org(db), or_(SavedView.shared, SavedView.owner_id == member_id)


_OF_A_LIST = text("""
    SELECT json_agg(json_build_array(id, name, shared, filters, columns) ORDER BY shared, folded, id)
    FROM saved_view
    WHERE org_id = :views_org AND list_name = :views_list AND (shared OR owner_id = :views_member)""").columns(
    column("views", JSON)
)
"""Every list asks it, so it is not built of columns anew: that took half a millisecond of processor time."""


def select_views(db: Session, member_id: str, list_name: str) -> ScalarSelect[Any]:
    """Return a subquery with the views of a list as JSON: id, name, shared, filters, columns. Own ones come first."""
    given = {"views_org": current_org(db), "views_list": list_name, "views_member": member_id}
    return _OF_A_LIST.bindparams(**given).scalar_subquery()


def list_views(db: Session, member_id: str) -> Sequence[SavedView]:
    """Return the views that a member sees, by list and name."""
    order = SavedView.list_name, SavedView.folded, SavedView.id
    return db.scalars(select(SavedView).where(*visible(db, member_id)).order_by(*order)).all()


def get_view(db: Session, member_id: str, view_id: uuid.UUID, *, locked: bool = False) -> SavedView:
    """Return a view that the member sees. locked: for a change. Raises NotFound."""
    one = _one(db, member_id, view_id)
    found = db.scalar(one.with_for_update().execution_options(populate_existing=True) if locked else one)
    if found is None:
        raise NotFound("view")
    return found


def _one(db: Session, member_id: str, view_id: uuid.UUID) -> Select[SavedView]:
    return select(SavedView).where(*visible(db, member_id), SavedView.id == view_id)


def get_shared(db: Session, member_id: str, view_id: uuid.UUID) -> SavedView:
    """Return a shared view, locked together with the one that is the organization's start page. Raises NotFound."""
    these = select(SavedView).where(*visible(db, member_id), SavedView.shared)
    both = these.where(or_(SavedView.id == view_id, SavedView.is_default)).order_by(SavedView.id)
    found = next((one for one in db.scalars(both.with_for_update()) if one.id == view_id), None)
    if found is None:
        raise NotFound("view")
    return found


class Choice(NamedTuple):
    """The start page that a member has chosen. view_id: None for the overview."""

    view_id: uuid.UUID | None


def get_choice(db: Session, member_id: str) -> Choice | None:
    """Return what a member has chosen as its start page, None if nothing."""
    found = db.get(StartPage, (current_org(db), member_id))
    return None if found is None else Choice(found.view_id)


def find_start(db: Session, member_id: str) -> SavedView | None:
    """Return the view that is a member's start page, or None if that is the overview.

    It is the one that the member has chosen, if it still sees that one, else the organization's.
    """
    choice = get_choice(db, member_id)
    if choice is not None:
        if choice.view_id is None:
            return None
        if (chosen := db.scalar(_one(db, member_id, choice.view_id))) is not None:
            return chosen
    return db.scalar(select(SavedView).where(SavedView.org_id == current_org(db), SavedView.is_default))
