"""The catalogue: its list, and the page of one course, with everything that can be done with it but its versions."""

import uuid
from typing import Any

from fastapi import Request, Response
from fastapi.responses import RedirectResponse

from api.console.columns import Column
from api.console.editing import cleared, expected, filled, numbers
from api.console.forms import FORM_ONCE, CurrentForm, Form, made
from api.console.frame import ConsoleRouter, CurrentFrame, form_of
from api.console.history import told
from api.console.listing import Choice, Filter, ListPage, list_page
from api.http.dependencies import CurrentCaller, Db, Now, allow
from api.http.filtering import CourseFilters
from api.http.lists import AskedList
from shared.catalogue import CourseAnswer, CourseChanges, CourseRequest
from shared.services import catalogue, course_details
from shared.texts import N_

router = ConsoleRouter()

MODES = {"in_person": N_("In person"), "online": N_("Online"), "flex": N_("In person or online")}
"""A text for each mode of a course."""

LICENCE_ON = {
    "session": N_("when a session of the course is completed"),
    "completion": N_("when an assignment of the course is completed, in any way"),
}
LICENCE_FROM = {"granted": N_("when it is granted"), "training": N_("when the training ended")}
LICENCE_ENDS = {
    "instant": N_("to the minute"),
    "end_of_day": N_("at the end of that day"),
    "end_of_month": N_("at the end of that month"),
}
EARLY_RENEWAL = {
    "resets": N_("counts from the renewal"),
    "keepsAnniversary": N_("counts from the end of the former licence"),
}
TEXTS = {
    "mode": MODES,
    "licenceOn": LICENCE_ON,
    "licenceFrom": LICENCE_FROM,
    "licenceEnds": LICENCE_ENDS,
    "earlyRenewal": EARLY_RENEWAL,
}
"""The choices of the fields of a course, with their texts."""

DAYS = ("licenceMonths", "renewalWindowDays", "renewBeforeDays", "renewableDays")
"""The fields of a policy that are numbers, or empty."""

PAGE = ListPage(
    title=N_("Catalogue"),
    template="courses.html",
    address="/courses",
    model=CourseAnswer,
    columns=(
        Column("course", N_("Course")),
        Column("code", N_("Code"), "later"),
        Column("held", N_("Held"), "wide"),
        Column("licence", N_("Licence"), "wide"),
        Column("changed", N_("Changed"), "wide", zoned=True, usual=False),
        Column("version", N_("Version")),
    ),
    filters=(
        Filter("q", N_("Title or code")),
        Filter("archived", N_("State"), "choice", (Choice("false", N_("In use")), Choice("true", N_("Archived")))),
    ),
)


@router.list_of("/courses", catalogue.list_courses)
def show_list(request: Request, frame: CurrentFrame, asked: AskedList, filters: CourseFilters) -> Response:
    """The list, or all of it as a file."""
    rows = catalogue.list_courses(asked.db, asked.caller, **filters._asdict())
    return list_page(frame, request, asked, PAGE, rows, lambda row: CourseAnswer.of(*row), modes=MODES)


@router.get("/courses/new", dependencies=[allow(course_details.default_course)])
def show_new(frame: CurrentFrame, form: CurrentForm, db: Db, caller: CurrentCaller) -> Response:
    """The form of a new course."""
    defaults = course_details.default_course(db, caller)
    return frame.page("course_new.html", form=filled(form, defaults), texts=TEXTS)


@router.post("/courses/new", dependencies=[allow(catalogue.create_course), FORM_ONCE])
def create(form: CurrentForm, db: Db, caller: CurrentCaller, now: Now, response: Response) -> Response:
    """Make a course, and lead to its page."""
    body = form.read(CourseRequest, **_policy(form))
    course, _ = catalogue.create_course(db, caller, body, now)
    return made(response, f"/courses/{course.id}")


@router.get("/courses/{course_id}", dependencies=[allow(course_details.get_course_details)])
def show(
    course_id: uuid.UUID, frame: CurrentFrame, form: CurrentForm, db: Db, caller: CurrentCaller, now: Now
) -> Response:
    """The page of one course."""
    found = course_details.get_course_details(db, caller, course_id, now)
    history = told(found.history, frame.words)
    return frame.page("course.html", found=found, course=found.course, form=form, texts=TEXTS, history=history)


@router.get("/courses/{course_id}/edit", dependencies=[allow(course_details.get_course_to_change)])
def show_edit(course_id: uuid.UUID, frame: CurrentFrame, form: CurrentForm, db: Db, caller: CurrentCaller) -> Response:
    """The form of a course's names and mode."""
    return _edit_page("course_edit.html", frame, form, course_details.get_course_to_change(db, caller, course_id))


@router.post("/courses/{course_id}/edit", dependencies=[allow(catalogue.change_course)])
def edit(course_id: uuid.UUID, form: CurrentForm, db: Db, caller: CurrentCaller, now: Now) -> Response:
    """Change a course's names and mode."""
    given: dict[str, Any] = {"title": form.text("title"), "code": form.text("code")} | cleared(form, ["description"])
    catalogue.change_course(db, caller, course_id, form.read(CourseChanges, **given), expected(form), now)
    return _to(course_id)


@router.get("/courses/{course_id}/policy", dependencies=[allow(course_details.get_policy)])
def show_policy(
    course_id: uuid.UUID, frame: CurrentFrame, form: CurrentForm, db: Db, caller: CurrentCaller
) -> Response:
    """The form of a course's rules for licences."""
    return _edit_page("course_policy.html", frame, form, course_details.get_policy(db, caller, course_id))


@router.post("/courses/{course_id}/policy", dependencies=[allow(course_details.change_policy)])
def edit_policy(course_id: uuid.UUID, form: CurrentForm, db: Db, caller: CurrentCaller, now: Now) -> Response:
    """Change a course's rules for licences granted from now on."""
    body = form.read(CourseChanges, **_policy(form))
    course_details.change_policy(db, caller, course_id, body, expected(form), now)
    return _to(course_id)


@router.post(
    "/courses/{course_id}/archive", dependencies=[allow(catalogue.archive_course), form_of("/courses/{course_id}")]
)
def archive(course_id: uuid.UUID, _: CurrentForm, db: Db, caller: CurrentCaller, now: Now) -> Response:
    """Archive a course for good."""
    catalogue.archive_course(db, caller, course_id, now)
    return _to(course_id)


def _edit_page(template: str, frame: CurrentFrame, form: Form, row: catalogue.Shown) -> Response:
    course = CourseAnswer.of(*row)
    form = filled(form, course)
    return frame.page(template, form=form, course=course, revision=row[0].revision, texts=TEXTS)


def _policy(form: Form) -> dict[str, Any]:
    """Return the fields of a policy that are no texts. An empty number is null."""
    return {**cleared(form, DAYS), **numbers(form, DAYS), "newerSatisfies": form.checked("newerSatisfies")}


def _to(course_id: uuid.UUID) -> RedirectResponse:
    return RedirectResponse(f"/courses/{course_id}", 303)
