"""The content of a version for the person who is trained in it: names, summary, materials."""

from typing import Any

from sqlalchemy import ColumnElement, Label, and_, select

from shared.catalogue.models import Course, CourseVersion
from shared.catalogue.queries import CODE, TITLE
from shared.catalogue.schemas import MaterialAnswer
from shared.wire import Answer


class Content(Answer):
    """The content of a course version, for a person who cannot read the catalogue."""

    course_title: str
    course_code: str
    summary: str | None
    materials: list[MaterialAnswer]


def title_of(bound: Any) -> Label[str]:
    """Return a column with the title of the version that something is bound to, as it was when it was published."""
    titled: Label[str] = _one(bound, TITLE).label("course_title")
    return titled


def content_of(bound: Any) -> tuple[Label[Any], ...]:
    """Return columns with the fields of `Content`, for a select from something that is bound to a version.

    bound: its class, with `org_id` and `course_version_id`. Subqueries and not joins, so that their plan is the same in
    an organization without statistics.
    """
    fields: dict[str, Any] = {
        "course_title": TITLE,
        "course_code": CODE,
        "summary": CourseVersion.summary,
        "materials": CourseVersion.materials,
    }
    return tuple(_one(bound, column).label(name) for name, column in fields.items())


def _one(bound: Any, column: ColumnElement[Any]) -> Any:
    version = and_(CourseVersion.org_id == bound.org_id, CourseVersion.id == bound.course_version_id)
    course = and_(Course.org_id == CourseVersion.org_id, Course.id == CourseVersion.course_id)
    found = select(column).select_from(CourseVersion).join(Course, course).where(version)
    return found.correlate(bound).scalar_subquery()
