"""Creating, finding, changing and archiving courses."""

import uuid
from typing import Any

import pytest

from shared.access import Permission
from tests.factories import Org, count_statements
from tests.feed import recorded

ADMIN, VIEW = Permission.ADMIN, Permission.VIEW
H2S = {"title": "Hydrogen-sulfide response", "code": "H2S", "mode": "flex"}


def create(org: Org, **fields: object) -> dict[str, Any]:
    answer = org.client(ADMIN).post("/v1/courses", json=H2S | fields)
    assert answer.status_code == 201, answer.text
    course: dict[str, Any] = answer.json()
    return course


def titles(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [course["title"] for course in answer.json()["items"]]


def test_a_new_course_has_the_defaults_and_no_version(org: Org) -> None:
    answer = org.client(ADMIN).post("/v1/courses", json=H2S)
    course = answer.json()
    assert answer.status_code == 201
    assert answer.headers["Location"] == f"/v1/courses/{course['id']}"
    assert answer.headers["ETag"] == '"1"'
    assert uuid.UUID(course["id"]).version == 7
    assert course["createdAt"] == course["updatedAt"]
    assert {name: course[name] for name in course if name not in ("id", "createdAt", "updatedAt")} == H2S | {
        "description": None,
        "licenceMonths": 12,
        "licenceOn": "session",
        "licenceFrom": "granted",
        "licenceEnds": "instant",
        "renewableDays": None,
        "renewalWindowDays": None,
        "earlyRenewal": "resets",
        "renewBeforeDays": None,
        "newerSatisfies": True,
        "activeVersion": None,
        "archivedAt": None,
    }
    read = org.client(VIEW).get(f"/v1/courses/{course['id']}")
    assert (read.json(), read.headers["ETag"]) == (course, '"1"')


def test_a_course_can_be_created_with_every_field(org: Org) -> None:
    said = {"description": "Line 1\nLine 2", "mode": "in_person", "licenceMonths": None, "licenceOn": "completion"}
    course = create(org, **said)
    assert {name: course[name] for name in said} == said


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"title": ""}, "/title"),
        ({"title": "   "}, "/title"),
        ({"title": None}, "/title"),
        ({"title": "x" * 201}, "/title"),
        ({"title": "a\0b"}, "/title"),
        ({"code": ""}, "/code"),
        ({"code": 7}, "/code"),
        ({"mode": "hybrid"}, "/mode"),
        ({"mode": None}, "/mode"),
        ({"description": "x" * 10_001}, "/description"),
        ({"licenceMonths": 0}, "/licenceMonths"),
        ({"licenceMonths": -12}, "/licenceMonths"),
        ({"licenceMonths": 1.5}, "/licenceMonths"),
        ({"licenceMonths": 1201}, "/licenceMonths"),
        ({"licenceMonths": 10**30}, "/licenceMonths"),
        ({"licenceOn": "paper"}, "/licenceOn"),
        ({"licenseMonths": 12}, "/licenseMonths"),
        ({"id": str(uuid.uuid4())}, "/id"),
        ({"revision": 7}, "/revision"),
    ],
)
def test_a_bad_field_is_named_whether_in_a_new_course_or_in_a_change(
    org: Org, fields: dict[str, object], pointer: str
) -> None:
    admin = org.client(ADMIN)
    refused = admin.post("/v1/courses", json=H2S | fields)
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, pointer)
    course = create(org)
    refused = admin.patch(f"/v1/courses/{course['id']}", json=fields)
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, pointer)
    assert admin.get(f"/v1/courses/{course['id']}").json() == course


@pytest.mark.parametrize("missing", ["title", "code", "mode"])
def test_missing_fields_of_a_course_are_named(org: Org, missing: str) -> None:
    body = {name: value for name, value in H2S.items() if name != missing}
    refused = org.client(ADMIN).post("/v1/courses", json=body)
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, f"/{missing}")


def test_a_code_is_unique_in_the_organization_archived_courses_included(org: Org, other_org: Org) -> None:
    first, second = create(org), create(org, code="WAH")
    admin = org.client(ADMIN)
    admin.post(f"/v1/courses/{first['id']}/archive")
    for refused in (
        admin.post("/v1/courses", json=H2S),
        admin.patch(f"/v1/courses/{second['id']}", json={"code": "H2S"}),
    ):
        assert (refused.status_code, refused.json()["type"]) == (409, "urn:rollcall:problem:course-code-taken")
    assert admin.get(f"/v1/courses/{second['id']}").json() == second
    create(other_org)


def test_a_change_of_a_course_touches_the_given_fields_only(org: Org) -> None:
    course = create(org, description="Old", licenceMonths=24)
    answer = org.client(ADMIN).patch(f"/v1/courses/{course['id']}", json={"title": "New", "mode": "online"})
    assert (answer.status_code, answer.headers["ETag"]) == (200, '"2"')
    changed = answer.json()
    assert changed["updatedAt"] > course["updatedAt"]
    assert changed == course | {"title": "New", "mode": "online", "updatedAt": changed["updatedAt"]}


def test_null_clears_the_optional_fields_of_a_course(org: Org) -> None:
    course = create(org, description="Old", licenceMonths=24)
    body = {"description": None, "licenceMonths": None}
    changed = org.client(ADMIN).patch(f"/v1/courses/{course['id']}", json=body).json()
    assert (changed["description"], changed["licenceMonths"]) == (None, None)


def test_the_event_of_a_changed_course_has_the_former_values(org: Org) -> None:
    course = create(org, description="Old", licenceMonths=24)
    body = {"title": course["title"], "description": "New", "licenceMonths": None, "mode": "online"}
    org.client(ADMIN).patch(f"/v1/courses/{course['id']}", json=body)
    [event] = recorded(org, "course.changed")
    assert event.subject == f"course/{course['id']}"
    assert event.data == {
        "changed": ["description", "licenceMonths", "mode"],
        "former": {"description": "Old", "licenceMonths": 24, "mode": "flex"},
    }


@pytest.mark.parametrize("body", [{}, {"title": H2S["title"]}, {"licenceMonths": 12, "mode": "flex"}])
def test_a_change_of_a_course_to_its_present_values_is_no_change(org: Org, body: dict[str, object]) -> None:
    course = create(org)
    answer = org.client(ADMIN).patch(f"/v1/courses/{course['id']}", json=body)
    assert (answer.status_code, answer.json(), answer.headers["ETag"]) == (200, course, '"1"')
    assert recorded(org, "course.changed") == []


def test_a_course_is_changed_with_a_current_etag_or_none_and_not_with_a_stale_one(org: Org) -> None:
    course = create(org)
    admin, address = org.client(ADMIN), f"/v1/courses/{course['id']}"
    assert admin.patch(address, json={"title": "Mine"}, headers={"If-Match": '"1"'}).headers["ETag"] == '"2"'
    stale = admin.patch(address, json={"title": "Yours"}, headers={"If-Match": '"1"'})
    assert (stale.status_code, stale.json()["type"]) == (412, "urn:rollcall:problem:precondition-failed")
    assert admin.get(address).json()["title"] == "Mine"
    assert admin.patch(address, json={"title": "A"}, headers={"If-Match": '"1", "2"'}).status_code == 200
    assert admin.patch(address, json={"title": "B"}, headers={"If-Match": "*"}).status_code == 200
    assert admin.patch(address, json={"title": "C"}).headers["ETag"] == '"5"'
    assert admin.patch(address, json={"title": "D"}, headers={"If-Match": "5"}).status_code == 400


def test_publishing_and_archiving_change_the_etag_of_a_course(org: Org) -> None:
    course_id = org.with_course()
    admin, address = org.client(ADMIN), f"/v1/courses/{course_id}"
    assert admin.get(address).headers["ETag"] == '"2"'
    assert admin.post(f"{address}/archive").headers["ETag"] == '"3"'


def test_an_archived_course_is_kept_as_it_was(org: Org) -> None:
    course_id = org.with_course()
    admin, address = org.client(ADMIN), f"/v1/courses/{course_id}"
    draft = admin.post(f"{address}/versions", json={"label": "v2"}).json()["id"]
    archived = admin.post(f"{address}/archive")
    assert archived.status_code == 200
    assert archived.json()["archivedAt"] == archived.json()["updatedAt"]
    assert archived.json()["activeVersion"]["label"] == "v1.0"
    assert admin.post(f"{address}/archive").json() == archived.json()
    for refused in (
        admin.patch(address, json={"title": "New"}),
        admin.post(f"{address}/versions", json={"label": "v3"}),
        admin.patch(f"{address}/versions/{draft}", json={"label": "v3"}),
        admin.post(f"{address}/versions/{draft}/publish"),
    ):
        assert (refused.status_code, refused.json()["type"]) == (409, "urn:rollcall:problem:course-archived")
    assert admin.get(address).json() == archived.json()
    assert [event.subject for event in recorded(org, "course.archived")] == [f"course/{course_id}"]


def test_courses_are_listed_by_title_and_archived_ones_apart(org: Org) -> None:
    created = {title: create(org, title=title, code=title[:3])["id"] for title in ("Rabies", "H2S 100%", "Heights")}
    org.client(ADMIN).post(f"/v1/courses/{created['Rabies']}/archive")
    reader = org.client(VIEW)
    assert titles(reader.get("/v1/courses")) == ["H2S 100%", "Heights"]
    assert titles(reader.get("/v1/courses", params={"archived": True})) == ["Rabies"]
    for q, found in {
        "eigh": ["Heights"],
        "h2s": ["H2S 100%"],
        "100%": ["H2S 100%"],
        "%ei": [],
        "2S": ["H2S 100%"],
    }.items():
        assert titles(reader.get("/v1/courses", params={"q": q})) == found
    page = reader.get("/v1/courses", params={"limit": 1})
    assert titles(page) == ["H2S 100%"]
    assert titles(reader.get("/v1/courses", params={"limit": 1, "cursor": page.json()["nextCursor"]})) == ["Heights"]


def test_a_list_of_many_courses_takes_as_many_statements_as_a_list_of_one(org: Org) -> None:
    for n in range(12):
        org.with_course(code=f"c{n}")

    def price(limit: int) -> int:
        with count_statements(org.parts.database.engine) as statements:
            answer = org.client(VIEW).get("/v1/courses", params={"limit": limit})
        assert {course["activeVersion"]["label"] for course in answer.json()["items"]} == {"v1.0"}
        return statements.count

    assert price(1) == price(12)


@pytest.mark.parametrize(
    ("params", "pointer"), [({"q": ""}, "?q"), ({"archived": "x"}, "?archived"), ({"cursor": "PnM6Yg"}, "?cursor")]
)
def test_bad_parameters_of_the_list_of_courses_are_named(org: Org, params: dict[str, Any], pointer: str) -> None:
    refused = org.client(VIEW).get("/v1/courses", params=params)
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, pointer)


def test_another_organization_sees_and_changes_no_course(org: Org, other_org: Org) -> None:
    create(org, title="A", code="A")
    course = create(org, title="B", code="B")
    cursor = org.client(VIEW).get("/v1/courses", params={"limit": 1}).json()["nextCursor"]
    other, address = other_org.client(), f"/v1/courses/{course['id']}"
    assert titles(other.get("/v1/courses", params={"cursor": cursor})) == []
    for answer in (
        other.get(address),
        other.patch(address, json={"title": "Mine"}),
        other.post(f"{address}/archive"),
        other.get(f"{address}/versions"),
        other.post(f"{address}/versions", json={"label": "v1"}),
    ):
        assert (answer.status_code, answer.json()["type"]) == (404, "urn:rollcall:problem:not-found")
    assert org.client(VIEW).get(address).json() == course


def test_viewers_read_courses_and_only_administrators_write_them(org: Org) -> None:
    course = create(org)
    address = f"/v1/courses/{course['id']}"
    for reader in (org.client(VIEW), org.client(ADMIN)):
        assert reader.get("/v1/courses").status_code == 200
        assert reader.get(address).status_code == 200
        assert reader.get(f"{address}/versions").status_code == 200
    nobody = org.client(Permission.SYNC_DIRECTORY)
    assert [nobody.get(path).status_code for path in ("/v1/courses", address, f"{address}/versions")] == [403] * 3
    reader = org.client(VIEW, Permission.ASSIGN, Permission.MANAGE_ASSIGNMENTS)
    for refused in (
        reader.post("/v1/courses", json=H2S | {"code": "other"}),
        reader.patch(address, json={"title": "New"}),
        reader.post(f"{address}/archive"),
        reader.post(f"{address}/versions", json={"label": "v1"}),
        reader.patch(f"{address}/versions/{uuid.uuid4()}", json={}),
        reader.post(f"{address}/versions/{uuid.uuid4()}/publish"),
    ):
        assert (refused.status_code, refused.json()["type"]) == (403, "urn:rollcall:problem:permission-denied")


def test_without_training_available_the_catalogue_does_not_answer(org: Org) -> None:
    course = create(org)
    admin = org.client(ADMIN)
    admin.put("/v1/availability", json={"enabled": False})
    refused = admin.get(f"/v1/courses/{course['id']}")
    assert (refused.status_code, refused.json()["type"]) == (403, "urn:rollcall:problem:feature-not-available")
    admin.put("/v1/availability", json={"enabled": True})
    assert admin.get(f"/v1/courses/{course['id']}").json() == course
