"""Versions of a course: draft one, edit the draft, and publish it after a page that says what that changes."""

import uuid
from typing import Any

from fastapi import Response
from fastapi.responses import RedirectResponse

from api.console.editing import cleared, filled
from api.console.forms import FORM_ONCE, CurrentForm, Form, made
from api.console.frame import ConsoleRouter, CurrentFrame
from api.http.dependencies import CurrentCaller, Db, Now, allow
from shared.catalogue import CourseAnswer, VersionAnswer, VersionChanges, VersionRequest, VersionState
from shared.services import catalogue, course_details

router = ConsoleRouter("/courses/{course_id}/versions")

EMPTY_ROWS = 3
"""Lines for more materials, below those that are filled in."""

Row = dict[str, str]
"""One material as it stands in the form, by the names of its fields."""


@router.get("/new", dependencies=[allow(course_details.get_draft)])
def show_new(course_id: uuid.UUID, frame: CurrentFrame, form: CurrentForm, db: Db, caller: CurrentCaller) -> Response:
    """The form of a new draft."""
    course = CourseAnswer.of(*course_details.get_draft(db, caller, course_id, None)[0])
    return frame.page("version.html", form=form, course=course, draft=None, rows=_lines(_typed(form)))


@router.post("/new", dependencies=[allow(catalogue.draft_version), FORM_ONCE])
def draft(
    course_id: uuid.UUID, form: CurrentForm, db: Db, caller: CurrentCaller, now: Now, response: Response
) -> Response:
    """Draft a version, and lead to its course."""
    body = form.read(VersionRequest, materials=_materials(form))
    catalogue.draft_version(db, caller, course_id, body, now)
    return made(response, f"/courses/{course_id}")


@router.get("/{version_id}/edit", dependencies=[allow(course_details.get_draft)])
def show_edit(
    course_id: uuid.UUID, version_id: uuid.UUID, frame: CurrentFrame, form: CurrentForm, db: Db, caller: CurrentCaller
) -> Response:
    """The form of a draft. A published version never changes, so its address leads to the course."""
    row, found = course_details.get_draft(db, caller, course_id, version_id)
    version = VersionAnswer.model_validate(found)
    if version.state is not VersionState.DRAFT:
        return _to(course_id)
    course = CourseAnswer.of(*row)
    rows = _typed(form) if form.sent else _present(version)
    form = filled(form, {"label": version.label, "summary": version.summary})
    return frame.page("version.html", form=form, course=course, draft=version, rows=_lines(rows))


@router.post("/{version_id}/edit", dependencies=[allow(catalogue.change_version)])
def edit(
    course_id: uuid.UUID, version_id: uuid.UUID, form: CurrentForm, db: Db, caller: CurrentCaller, now: Now
) -> Response:
    """Change a draft."""
    given: dict[str, Any] = {"label": form.text("label"), "materials": _materials(form)} | cleared(form, ["summary"])
    catalogue.change_version(db, caller, course_id, version_id, form.read(VersionChanges, **given), now)
    return _to(course_id)


@router.get("/{version_id}/publish", dependencies=[allow(course_details.get_publication)])
def show_publication(
    course_id: uuid.UUID,
    version_id: uuid.UUID,
    frame: CurrentFrame,
    form: CurrentForm,
    db: Db,
    caller: CurrentCaller,
    now: Now,
) -> Response:
    """The page before publishing: what that changes, and what it leaves as it is."""
    found = course_details.get_publication(db, caller, course_id, version_id, now)
    if found.draft.state is not VersionState.DRAFT:
        return _to(course_id)
    course, numbers = found.details.course, found.details.numbers
    return frame.page("publication.html", form=form, course=course, draft=found.draft, numbers=numbers)


@router.post("/{version_id}/publish", dependencies=[allow(catalogue.publish_version)])
def publish(
    course_id: uuid.UUID, version_id: uuid.UUID, _: CurrentForm, db: Db, caller: CurrentCaller, now: Now
) -> Response:
    """Make a draft the active version."""
    catalogue.publish_version(db, caller, course_id, version_id, now)
    return _to(course_id)


def _materials(form: Form) -> list[dict[str, str]]:
    """Return the materials as the API takes them. A line without anything is none."""
    return [{name: text for name, text in row.items() if text} for row in _typed(form)]


def _typed(form: Form) -> list[Row]:
    """Return the lines of the form in which something was typed: the places that faults name count these."""
    columns = [form.values.get(f"material.{name}", []) for name in ("documentId", "title", "url")]
    lines = [[text.strip() for text in line] for line in zip(*columns, strict=False)]
    return [dict(zip(("documentId", "title", "url"), line, strict=True)) for line in lines if any(line)]


def _present(version: VersionAnswer) -> list[Row]:
    return [{"documentId": one.document_id, "title": one.title, "url": one.url or ""} for one in version.materials]


def _lines(rows: list[Row]) -> list[Row]:
    return [*rows, *({"documentId": "", "title": "", "url": ""} for _ in range(EMPTY_ROWS))]


def _to(course_id: uuid.UUID) -> RedirectResponse:
    return RedirectResponse(f"/courses/{course_id}", 303)
