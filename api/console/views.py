"""Saved views: saving the filter of a list under a name, renaming, sharing and deleting it, and the start page."""

import uuid
from typing import Any

from fastapi import Response
from fastapi.responses import RedirectResponse

from api.console.columns import COLUMNS, choose
from api.console.editing import filled
from api.console.forms import FORM_ONCE, CurrentForm, Form, made
from api.console.frame import ConsoleRouter, CurrentFrame, form_of
from api.console.viewing import LISTS, ViewedList
from api.http.dependencies import CurrentCaller, Db, Now, allow
from shared.errors import Fault, InvalidInput, NotFound
from shared.services import views
from shared.views import Choice, ViewChange, ViewRequest

router = ConsoleRouter("/views")

FILTER = "filter."
"""The beginning of the names of fields with filters, whose own names may be those of other fields."""
AS_ORGANIZATION, OVERVIEW = "", "overview"
"""Values of the choice of a start page besides the ids of views."""


def _filters(form: Form) -> dict[str, str]:
    names = [name for name in form.values if name.startswith(FILTER)]
    return {name.removeprefix(FILTER): form.text(name) for name in names if form.text(name)}


def _columns(form: Form) -> list[str]:
    return [name for value in form.several(COLUMNS) for name in value.split(",") if name]


@router.get("", dependencies=[allow(views.list_views)])
def show_list(frame: CurrentFrame, form: CurrentForm, db: Db, caller: CurrentCaller) -> Response:
    """All views of the member and of the organization, and the start page."""
    found = views.list_views(db, caller)
    shown = [(view, LISTS[view.list_name]) for view in found.views if view.list_name in LISTS]
    order = list(LISTS)
    shown.sort(key=lambda one: order.index(one[0].list_name))
    return frame.page("views.html", form=form, found=found, shown=shown, may_change=views.may_change)


@router.get("/new", dependencies=[allow(views.names_in)])
def show_new(frame: CurrentFrame, form: CurrentForm, db: Db, caller: CurrentCaller) -> Response:
    """The form that saves the filters and columns in its address."""
    viewed = LISTS.get(form.text("listName"))
    if viewed is None:
        return RedirectResponse("/views", 303)
    filters = _filters(form)
    told = viewed.tell(filters, views.names_in(db, caller, [filters]))
    wanted = set(_columns(form))
    columns = [one for one in viewed.page.columns if one.name in wanted]
    return frame.page("view_new.html", form=form, viewed=viewed, told=told, filters=filters, columns=columns)


@router.post("/new", dependencies=[allow(views.save_view), FORM_ONCE])
def save(form: CurrentForm, db: Db, caller: CurrentCaller, now: Now, response: Response) -> Response:
    """Save it, and lead to the list as the view shows it."""
    viewed = LISTS.get(form.text("listName"))
    if viewed is None:
        raise InvalidInput(Fault("/listName", "There is no such list."))
    filters, columns = _filters(form), _columns(form)
    viewed.check(filters, columns)
    given: dict[str, Any] = {name: form.checked(name) for name in ("shared", "replace")}
    body = form.read(ViewRequest, filters=filters, columns=_unusual(viewed, columns), **given)
    return made(response, f"/views/{views.save_view(db, caller, body, now).id}")


def _unusual(viewed: ViewedList, columns: list[str]) -> list[str] | None:
    """Return the columns of a view in the list's order, None for the usual ones."""
    chosen = choose(viewed.page.columns, columns)
    return None if chosen.usual else [one.name for one in chosen.columns]


@router.get("/{view_id}", dependencies=[allow(views.get_view)])
def open_view(view_id: uuid.UUID, db: Db, caller: CurrentCaller) -> Response:
    """Lead to the list as the view shows it. A filter that the list no longer has is refused by name."""
    view = views.get_view(db, caller, view_id)
    viewed = LISTS.get(view.list_name)
    if viewed is None:
        raise NotFound("list")
    viewed.check(view.filters, view.columns or ())
    return RedirectResponse(viewed.address(view.filters, view.columns), 303)


@router.get("/{view_id}/edit", dependencies=[allow(views.get_view_to_change)])
def show_edit(view_id: uuid.UUID, frame: CurrentFrame, form: CurrentForm, db: Db, caller: CurrentCaller) -> Response:
    """The form of a view: its name, whether it is shared, and deleting it."""
    view = views.get_view_to_change(db, caller, view_id)
    viewed = LISTS.get(view.list_name)
    told = viewed.tell(view.filters, views.names_in(db, caller, [view.filters])) if viewed else []
    form = filled(form, {"name": view.name})
    return frame.page("view_edit.html", form=form, view=view, viewed=viewed, told=told)


@router.post("/{view_id}/edit", dependencies=[allow(views.rename_view)])
def rename(view_id: uuid.UUID, form: CurrentForm, db: Db, caller: CurrentCaller, now: Now) -> Response:
    """Give it another name."""
    views.rename_view(db, caller, view_id, form.read(ViewChange), now)
    return RedirectResponse("/views", 303)


_ON_ITS_PAGE = form_of("/views/{view_id}/edit")


@router.post("/{view_id}/share", dependencies=[allow(views.share_view), _ON_ITS_PAGE])
def share(view_id: uuid.UUID, _: CurrentForm, db: Db, caller: CurrentCaller, now: Now) -> Response:
    """Share it with the organization."""
    views.share_view(db, caller, view_id, now)
    return RedirectResponse("/views", 303)


@router.post("/{view_id}/unshare", dependencies=[allow(views.unshare_view), _ON_ITS_PAGE])
def unshare(view_id: uuid.UUID, _: CurrentForm, db: Db, caller: CurrentCaller, now: Now) -> Response:
    """Give it back to its maker."""
    views.unshare_view(db, caller, view_id, now)
    return RedirectResponse("/views", 303)


@router.post("/{view_id}/delete", dependencies=[allow(views.delete_view), _ON_ITS_PAGE])
def delete(view_id: uuid.UUID, _: CurrentForm, db: Db, caller: CurrentCaller, now: Now) -> Response:
    """Delete it."""
    views.delete_view(db, caller, view_id, now)
    return RedirectResponse("/views", 303)


# --- start pages


@router.post("/start", dependencies=[allow(views.choose_start), form_of("/views")])
def choose_start(form: CurrentForm, db: Db, caller: CurrentCaller, now: Now) -> Response:
    """Choose the member's start page."""
    wanted = form.text("view")
    choice = None if wanted == AS_ORGANIZATION else Choice(None if wanted == OVERVIEW else _id(wanted))
    views.choose_start(db, caller, choice, now)
    return RedirectResponse("/views", 303)


@router.post("/default", dependencies=[allow(views.set_default_start), form_of("/views")])
def set_default(form: CurrentForm, db: Db, caller: CurrentCaller, now: Now) -> Response:
    """Choose the start page of everybody who has chosen none."""
    wanted = form.text("view")
    views.set_default_start(db, caller, None if wanted in (AS_ORGANIZATION, OVERVIEW) else _id(wanted), now)
    return RedirectResponse("/views", 303)


def _id(text: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError:
        raise NotFound("view") from None
