"""The catalogue: courses and their versions.

Owns the tables `course` and `course_version`. Promises that a course has at most one active version, that a published
version never changes, keeps the title, code and description that its course had, and that publishing a version only
supersedes the former one and rewrites no assignment.
"""

from shared.catalogue.actions import (
    CourseArchived,
    CourseCodeTaken,
    VersionLabelTaken,
    VersionPublished,
    archive_course,
    change_course,
    change_version,
    create_course,
    draft_version,
    publish_version,
)
from shared.catalogue.models import Course, CourseVersion, EarlyRenewal, LicenceOn, Mode, VersionState
from shared.catalogue.queries import (
    CODE,
    DESCRIPTION,
    TITLE,
    CourseNotPublished,
    active_version,
    courses_by_id,
    get_course,
    get_version,
    is_course,
    is_version,
    list_courses,
    list_versions,
    names_of_versions,
    need_not_archived,
    published_version,
)
from shared.catalogue.schemas import (
    CourseAnswer,
    CourseChanges,
    CourseRequest,
    Material,
    VersionAnswer,
    VersionChanges,
    VersionRequest,
    WebAddress,
)

__all__ = [
    "CODE",
    "Course",
    "CourseAnswer",
    "CourseArchived",
    "CourseChanges",
    "CourseCodeTaken",
    "CourseNotPublished",
    "CourseRequest",
    "CourseVersion",
    "DESCRIPTION",
    "EarlyRenewal",
    "LicenceOn",
    "Material",
    "Mode",
    "TITLE",
    "VersionAnswer",
    "VersionChanges",
    "VersionLabelTaken",
    "VersionPublished",
    "VersionRequest",
    "VersionState",
    "WebAddress",
    "active_version",
    "archive_course",
    "change_course",
    "change_version",
    "get_course",
    "list_courses",
    "courses_by_id",
    "names_of_versions",
    "create_course",
    "draft_version",
    "publish_version",
    "get_version",
    "is_course",
    "is_version",
    "list_versions",
    "need_not_archived",
    "published_version",
]
