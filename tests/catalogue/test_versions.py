"""Versions of a course: from draft to active to superseded, and never back."""

import uuid
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from shared import catalogue, clock
from shared.access import Permission
from shared.catalogue import CourseCodeTaken, CourseRequest, Mode
from shared.events import Actor
from tests.factories import Org
from tests.feed import recorded
from tests.racing import blocked

ADMIN, VIEW = Permission.ADMIN, Permission.VIEW
ADMINISTRATOR = Actor("member", "administrator")
MATERIALS = [
    {"documentId": "dms/4711", "title": "Procedure", "url": "https://dms.example.org/4711?rev=3#top"},
    {"documentId": "dms/4712", "title": "Poster", "url": None},
]


@pytest.fixture
def course(org: Org) -> str:
    """Returns the address of a course without versions."""
    body = {"title": "Hydrogen-sulfide response", "code": "H2S", "mode": "flex"}
    return f"/v1/courses/{org.client(ADMIN).post('/v1/courses', json=body).json()['id']}"


def draft(org: Org, course: str, label: str = "v1.0", **fields: object) -> dict[str, Any]:
    answer = org.client(ADMIN).post(f"{course}/versions", json={"label": label} | fields)
    assert answer.status_code == 201, answer.text
    version: dict[str, Any] = answer.json()
    return version


def publish(org: Org, course: str, version: dict[str, Any]) -> Any:
    return org.client(ADMIN, member="publisher").post(f"{course}/versions/{version['id']}/publish")


def states(org: Org, course: str) -> dict[str, str]:
    items = org.client(VIEW).get(f"{course}/versions").json()["items"]
    return {version["label"]: version["state"] for version in items}


def test_a_draft_has_the_values_it_was_created_with(org: Org, course: str) -> None:
    answer = org.client(ADMIN).post(
        f"{course}/versions", json={"label": "v3.2", "summary": "New limits", "materials": MATERIALS}
    )
    version = answer.json()
    assert answer.headers["Location"] == f"{course}/versions/{version['id']}"
    assert (version["label"], version["summary"], version["materials"]) == ("v3.2", "New limits", MATERIALS)
    assert (version["state"], version["publishedAt"], version["publishedBy"]) == ("draft", None, None)
    assert course.endswith(version["courseId"])
    assert org.client(VIEW).get(f"{course}/versions/{version['id']}").json() == version
    assert draft(org, course, "v3.3")["materials"] == []


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"label": " "}, "/label"),
        ({"label": None}, "/label"),
        ({"label": "x" * 201}, "/label"),
        ({"summary": "x" * 10_001}, "/summary"),
        ({"materials": None}, "/materials"),
        ({"materials": {}}, "/materials"),
        ({"materials": [{"title": "T"}]}, "/materials/0/documentId"),
        ({"materials": [MATERIALS[0], {"documentId": "d"}]}, "/materials/1/title"),
        ({"materials": [{"documentId": "d", "title": "T", "size": 1}]}, "/materials/0/size"),
        ({"materials": [{"documentId": "d", "title": "T"}] * 101}, "/materials"),
        *(
            ({"materials": [{"documentId": "d", "title": "T", "url": url}]}, "/materials/0/url")
            for url in (
                "javascript:alert(1)",
                "data:text/html,x",
                "ftp://example.org/x",
                "//example.org/x",
                "example.org",
                "https://",
                "http://a\nb",
                "https://example.org/\0",
                f"https://example.org/{'x' * 2000}",
                "",
            )
        ),
        ({"state": "active"}, "/state"),
    ],
)
def test_a_bad_field_is_named_whether_in_a_draft_or_in_a_change(
    org: Org, course: str, fields: dict[str, object], pointer: str
) -> None:
    admin = org.client(ADMIN)
    refused = admin.post(f"{course}/versions", json={"label": "v1"} | fields)
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, pointer)
    version = draft(org, course)
    refused = admin.patch(f"{course}/versions/{version['id']}", json=fields)
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, pointer)
    assert admin.get(f"{course}/versions/{version['id']}").json() == version


def test_a_label_is_unique_in_its_course_only(org: Org, course: str) -> None:
    draft(org, course, "v1.0")
    other = draft(org, course, "v2.0")
    admin = org.client(ADMIN)
    for refused in (
        admin.post(f"{course}/versions", json={"label": "v1.0"}),
        admin.patch(f"{course}/versions/{other['id']}", json={"label": "v1.0"}),
    ):
        assert (refused.status_code, refused.json()["type"]) == (409, "urn:rollcall:problem:version-label-taken")
    org.with_course(code="another", label="v1.0")


def test_a_change_of_a_draft_touches_the_given_fields_only(org: Org, course: str) -> None:
    version = draft(org, course, summary="Old", materials=MATERIALS)
    address = f"{course}/versions/{version['id']}"
    admin = org.client(ADMIN)
    assert admin.patch(address, json={"label": "v1.1"}).json() == version | {"label": "v1.1"}
    assert admin.patch(address, json={"summary": None}).json() == version | {"label": "v1.1", "summary": None}
    assert admin.patch(address, json={"materials": MATERIALS[:1]}).json()["materials"] == MATERIALS[:1]
    assert admin.patch(address, json={}).status_code == 200
    assert admin.patch(address, json={"materials": MATERIALS[:1]}).status_code == 200
    facts = [event.data for event in recorded(org, "course_version.changed")]
    course_id = version["courseId"]
    assert facts == [
        {"courseId": course_id, "changed": ["label"], "former": {"label": "v1.0"}},
        {"courseId": course_id, "changed": ["summary"], "former": {"summary": "Old"}},
        {"courseId": course_id, "changed": ["materials"], "former": {"materials": MATERIALS}},
    ]


def test_publishing_a_draft_makes_it_active_and_supersedes_the_former_version(org: Org, course: str) -> None:
    first, second = draft(org, course, "v1.0"), draft(org, course, "v2.0")
    published = publish(org, course, first).json()
    assert (published["state"], published["publishedBy"]) == ("active", "publisher")
    assert publish(org, course, second).json()["state"] == "active"
    assert states(org, course) == {"v2.0": "active", "v1.0": "superseded"}
    active = org.client(VIEW).get(course).json()["activeVersion"]
    assert (active["id"], active["label"]) == (second["id"], "v2.0")
    superseded = org.client(VIEW).get(f"{course}/versions/{first['id']}").json()
    assert superseded == published | {"state": "superseded"}
    facts = recorded(org, "course_version.published", "course_version.superseded")
    assert [(event.type, event.subject.rpartition("/")[2]) for event in facts] == [
        ("course_version.published", first["id"]),
        ("course_version.superseded", first["id"]),
        ("course_version.published", second["id"]),
    ]
    assert {event.data["courseId"] for event in facts} == {first["courseId"]}


def test_publishing_supersedes_no_version_of_another_course(org: Org, course: str) -> None:
    other = f"/v1/courses/{org.with_course(label='v7.0')}"
    publish(org, course, draft(org, course))
    assert states(org, other) == {"v7.0": "active"}
    assert recorded(org, "course_version.superseded") == []


def test_publishing_the_active_version_again_changes_nothing(org: Org, course: str) -> None:
    version = draft(org, course)
    first = publish(org, course, version)
    assert (publish(org, course, version).status_code, publish(org, course, version).json()) == (200, first.json())
    assert len(recorded(org, "course_version.published")) == 1
    assert org.client(VIEW).get(course).headers["ETag"] == '"2"'


def test_a_published_version_never_changes_and_a_superseded_one_is_never_published_again(org: Org, course: str) -> None:
    first, second = draft(org, course, "v1.0"), draft(org, course, "v2.0")
    publish(org, course, first)
    admin = org.client(ADMIN)
    refusals = [admin.patch(f"{course}/versions/{first['id']}", json={"summary": "Better"})]
    publish(org, course, second)
    refusals += [admin.patch(f"{course}/versions/{first['id']}", json={}), publish(org, course, first)]
    for refused in refusals:
        assert (refused.status_code, refused.json()["type"]) == (409, "urn:rollcall:problem:version-published")
    assert states(org, course) == {"v2.0": "active", "v1.0": "superseded"}


def test_the_database_itself_refuses_to_alter_a_published_version(org: Org, course: str) -> None:
    version = draft(org, course)
    publish(org, course, version)
    with pytest.raises(IntegrityError), org.transaction() as db:
        db.execute(text("UPDATE course_version SET label = 'v9' WHERE id = :id"), {"id": version["id"]})


def test_versions_are_listed_newest_first_in_pages_and_by_state(org: Org, course: str) -> None:
    versions = [draft(org, course, f"v{n}") for n in range(4)]
    publish(org, course, versions[0])
    reader = org.client(VIEW)
    page = reader.get(f"{course}/versions", params={"limit": 3}).json()
    rest = reader.get(f"{course}/versions", params={"limit": 3, "cursor": page["nextCursor"]}).json()
    assert [version["label"] for version in page["items"] + rest["items"]] == ["v3", "v2", "v1", "v0"]
    assert rest["nextCursor"] is None
    active = reader.get(f"{course}/versions", params={"state": "active"}).json()["items"]
    assert [version["label"] for version in active] == ["v0"]
    assert reader.get(f"{course}/versions", params={"state": "lost"}).status_code == 422


def test_a_version_is_found_under_its_own_course_only(org: Org, other_org: Org, course: str) -> None:
    version = draft(org, course)
    elsewhere = f"/v1/courses/{org.with_course()}/versions/{version['id']}"
    foreign = f"{course}/versions/{version['id']}"
    for client, address in ((org.client(), elsewhere), (other_org.client(), foreign)):
        for answer in (
            client.get(address),
            client.patch(address, json={"label": "v9"}),
            client.post(f"{address}/publish"),
        ):
            assert (answer.status_code, answer.json()["type"]) == (404, "urn:rollcall:problem:not-found")
    assert states(org, course) == {"v1.0": "draft"}


def test_two_members_who_publish_at_once_publish_one_after_the_other(org: Org, course: str) -> None:
    first, second = draft(org, course, "v1.0"), draft(org, course, "v2.0")
    course_id, first_id, second_id = (uuid.UUID(made) for made in (first["courseId"], first["id"], second["id"]))
    with org.transaction() as db:
        catalogue.publish_version(db, course_id, first_id, ADMINISTRATOR, clock.now())
        with blocked(
            org, lambda db: catalogue.publish_version(db, course_id, second_id, ADMINISTRATOR, clock.now())
        ) as publishing:
            db.commit()
        publishing.result()
    assert states(org, course) == {"v2.0": "active", "v1.0": "superseded"}


def test_a_change_of_a_draft_that_is_being_published_waits_and_is_refused(org: Org, course: str) -> None:
    version = draft(org, course)
    course_id, version_id = uuid.UUID(version["courseId"]), uuid.UUID(version["id"])
    changes = catalogue.VersionChanges(summary="Sneaked in")
    with org.transaction() as db:
        catalogue.publish_version(db, course_id, version_id, ADMINISTRATOR, clock.now())
        with blocked(
            org, lambda db: catalogue.change_version(db, course_id, version_id, changes, ADMINISTRATOR, clock.now())
        ) as changing:
            db.commit()
        assert isinstance(changing.exception(), catalogue.VersionPublished)


def test_of_two_members_who_create_one_course_code_at_once_the_second_is_refused(org: Org) -> None:
    request = CourseRequest(title="Heights", code="WAH", mode=Mode.ONLINE)
    with org.transaction() as db:
        catalogue.create_course(db, request, ADMINISTRATOR, clock.now())
        with blocked(org, lambda db: catalogue.create_course(db, request, ADMINISTRATOR, clock.now())) as creating:
            db.commit()
        assert isinstance(creating.exception(), CourseCodeTaken)
