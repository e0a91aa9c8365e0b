"""Saved views: filters and columns of the console's lists under a name, and the start page.

Everybody may save views of their own. Sharing one with the organization is for administrators; a shared view is changed
and deleted by the member who made it, or by them. A view gives no right: whoever opens it sees what they may see.
"""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ScalarSelect, select
from sqlalchemy.orm import Session

from shared import directory, views
from shared.access import Caller, Permission, PermissionDenied
from shared.services import naming
from shared.services.naming import Names
from shared.services.verbs import verb
from shared.views import Choice, SavedView, ViewChange, ViewRequest

NAMED = {
    "courseId": "course",
    "courseVersionId": "version",
    "jobId": "job",
    "partyId": "party",
    "actorId": "member",
    "sessionId": "session",
}
"""Filters whose value is the id of something with a name, and what that is."""


class ShownViews(NamedTuple):
    """All views that a member sees. choice: its start page, None if it has chosen none. default: the organization's.

    names: of the makers and of what the filters name, by subject, of folders as `folder/<id>`.
    """

    views: Sequence[SavedView]
    choice: Choice | None
    default: SavedView | None
    names: Names


@verb()
def select_views(db: Session, caller: Caller, list_name: str) -> ScalarSelect[Any]:
    """Return a subquery with the views of a list that the caller sees, so that a list needs no statement more."""
    return views.select_views(db, caller.member_id, list_name)


@verb()
def list_views(db: Session, caller: Caller) -> ShownViews:
    """Return the caller's own views and the shared ones, with its start page."""
    found = views.list_views(db, caller.member_id)
    names = names_in(db, caller, [one.filters for one in found])
    names |= naming.names_of(db, caller, {f"member/{one.owner_id}" for one in found})
    default = next((one for one in found if one.is_default), None)
    return ShownViews(found, views.get_choice(db, caller.member_id), default, names)


@verb()
def names_in(db: Session, caller: Caller, filters: Iterable[Mapping[str, str]]) -> Names:
    """Return the names of what filters name by id, as far as the caller may read them."""
    pairs = {pair for one in filters for pair in one.items()}
    names = naming.names_of(db, caller, {f"{NAMED[name]}/{value}" for name, value in pairs if name in NAMED})
    if any(name == "folderId" for name, _ in pairs):
        folders = db.scalar(select(directory.as_choices(db, caller.folders))) or []
        names |= {f"folder/{each}": name for each, name in folders}
    return names


@verb()
def get_view(db: Session, caller: Caller, view_id: uuid.UUID) -> SavedView:
    """Return a view of the caller's own or a shared one. Raises NotFound."""
    return views.get_view(db, caller.member_id, view_id)


@verb()
def save_view(db: Session, caller: Caller, body: ViewRequest, now: datetime) -> SavedView:
    """Save a view. A shared one needs what `share_view` needs. Raises InvalidInput, ViewNameTaken, TooManyViews."""
    if body.shared:
        share_view.need(caller)
    return views.save_view(db, body, caller.actor, now)


def may_change(caller: Caller, view: SavedView) -> bool:
    """True if the caller may change and delete a view that it sees: its maker, or who may share views."""
    return view.owner_id == caller.member_id or share_view.may(caller)


def _to_change(db: Session, caller: Caller, view_id: uuid.UUID) -> SavedView:
    view = views.get_view(db, caller.member_id, view_id, locked=True)
    _need_maker(caller, view)
    return view


def _need_maker(caller: Caller, view: SavedView) -> None:
    if not may_change(caller, view):
        raise PermissionDenied("A shared view is changed by the member who made it, or by an administrator.")


@verb()
def get_view_to_change(db: Session, caller: Caller, view_id: uuid.UUID) -> SavedView:
    """Return a view that the caller may change. Raises NotFound, PermissionDenied."""
    view = views.get_view(db, caller.member_id, view_id)
    _need_maker(caller, view)
    return view


@verb()
def rename_view(db: Session, caller: Caller, view_id: uuid.UUID, body: ViewChange, now: datetime) -> SavedView:
    """Give a view another name. Raises NotFound, PermissionDenied, InvalidInput, ViewNameTaken."""
    view = _to_change(db, caller, view_id)
    views.rename_view(db, view, body.name, caller.actor, now)
    return view


@verb(Permission.ADMIN, whole=True)
def share_view(db: Session, caller: Caller, view_id: uuid.UUID, now: datetime) -> None:
    """Share a view with the whole organization. Raises NotFound, ViewNameTaken, TooManyViews."""
    views.share_view(db, _to_change(db, caller, view_id), caller.actor, now, shared=True)


@verb()
def unshare_view(db: Session, caller: Caller, view_id: uuid.UUID, now: datetime) -> None:
    """Give a shared view back to the member who made it. It is nobody else's start page then.

    Raises NotFound, PermissionDenied, ViewNameTaken, TooManyViews.
    """
    views.share_view(db, _to_change(db, caller, view_id), caller.actor, now, shared=False)


@verb()
def delete_view(db: Session, caller: Caller, view_id: uuid.UUID, now: datetime) -> None:
    """Delete a view. It is nobody's start page then. Raises NotFound, PermissionDenied."""
    views.delete_view(db, _to_change(db, caller, view_id), caller.actor, now)


# --- start pages


@verb()
def find_start(db: Session, caller: Caller) -> SavedView | None:
    """Return the view that is the caller's start page: the chosen one, else the organization's. None: the overview."""
    return views.find_start(db, caller.member_id)


@verb()
def choose_start(db: Session, caller: Caller, choice: Choice | None, now: datetime) -> None:
    """Make a view or the overview the caller's start page; None: that of the organization. Raises NotFound.

    No event: it changes nothing that anybody else sees.
    """
    if choice is None:
        return views.clear_start(db, caller.member_id)
    if choice.view_id is not None:
        views.get_view(db, caller.member_id, choice.view_id, locked=True)
    return views.choose_start(db, caller.member_id, choice.view_id, now)


@verb(Permission.ADMIN, whole=True)
def set_default_start(db: Session, caller: Caller, view_id: uuid.UUID | None, now: datetime) -> None:
    """Make a shared view the start page of everybody who has chosen none; None: the overview. Raises NotFound."""
    view = None if view_id is None else views.get_shared(db, caller.member_id, view_id)
    views.set_default(db, view, caller.actor, now)
