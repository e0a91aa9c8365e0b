"""The catalogue's queries for other nouns: the version to bind to, and courses by id."""

import uuid

import pytest

from shared import catalogue
from shared.catalogue import CourseNotPublished
from shared.errors import InvalidInput
from tests.factories import Org


def test_the_active_version_is_the_last_one_published(org: Org) -> None:
    course_id = org.with_course(label="v1.0")
    newest = org.publish(course_id, "v2.0")
    org.client().post(f"/v1/courses/{course_id}/versions", json={"label": "v3.0"})
    with org.transaction() as db:
        version = catalogue.active_version(db, uuid.UUID(course_id))
    assert (str(version.id), version.label) == (newest, "v2.0")


def test_a_course_without_an_active_version_is_refused_with_the_reason_and_the_place(org: Org, other_org: Org) -> None:
    body = {"title": "Heights", "code": "WAH", "mode": "online"}
    drafted = org.client().post("/v1/courses", json=body).json()["id"]
    org.client().post(f"/v1/courses/{drafted}/versions", json={"label": "v1.0"})
    archived = org.with_course()
    org.client().post(f"/v1/courses/{archived}/archive")
    reasons = {}
    for course_id in (drafted, archived, other_org.with_course(), str(uuid.uuid4())):
        with pytest.raises(InvalidInput) as refused, org.transaction() as db:
            catalogue.active_version(db, uuid.UUID(course_id))
        assert [fault.pointer for fault in refused.value.errors] == ["/courseId"]
        assert refused.value.status == 422
        reasons[course_id] = refused.value.detail
    assert len(set(reasons.values())) == 3  # a course of another organization is one that does not exist
    assert "archived" in reasons[archived]
    with pytest.raises(CourseNotPublished) as refused, org.transaction() as db:
        catalogue.active_version(db, uuid.UUID(drafted))
    assert refused.value.slug == "course-not-published"


def test_courses_are_found_by_id_in_their_organization_only(org: Org, other_org: Org) -> None:
    course_id, foreign_id = uuid.UUID(org.with_course()), uuid.UUID(other_org.with_course())
    with org.transaction() as db:
        assert catalogue.courses_by_id(db, [course_id, foreign_id]).keys() == {course_id}
        assert catalogue.courses_by_id(db, []) == {}
