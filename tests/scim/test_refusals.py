"""Refusals: scope, other organizations, cookies, hostile bodies; and errors that quote nothing."""

import io
import json
from typing import Any

import pytest

from shared.access import Permission
from tests.factories import Org
from tests.scim.calling import BULK, ENTERPRISE, ERROR, GROUP, PATCH, USER, USERS, made, made_group, patch, scim, user
from tests.traces import logged, stored

__all__ = ["logged"]

SECRET = "Zaphod-Beeblebrox-42"
EVERYWHERE = [
    ("GET", ""),
    ("POST", ".search"),
    ("GET", "Users"),
    ("POST", "Users"),
    ("POST", "Users/.search"),
    ("GET", "Users/a"),
    ("PUT", "Users/a"),
    ("PATCH", "Users/a"),
    ("DELETE", "Users/a"),
    ("GET", "Groups"),
    ("POST", "Groups"),
    ("GET", "Groups/crew"),
    ("PUT", "Groups/crew"),
    ("PATCH", "Groups/crew"),
    ("DELETE", "Groups/crew"),
    ("GET", "Me"),
    ("POST", "Bulk"),
    ("GET", "Schemas"),
    ("GET", "ResourceTypes/User"),
]


def is_error(answer: Any, status: int) -> bool:
    body = answer.json()
    return (
        answer.status_code == status
        and body["schemas"] == [ERROR]
        and body["status"] == str(status)
        and answer.headers["content-type"].startswith("application/scim+json")
        and answer.headers["cache-control"] == "no-store"
        and bool(answer.headers["x-request-id"])
    )


@pytest.mark.parametrize(("method", "address"), EVERYWHERE)
def test_a_token_needs_the_permission_and_the_whole_organization(org: Org, method: str, address: str) -> None:
    org.with_parties("a", folder="crew")
    limited = scim(org, folders=["crew"])
    stranger = scim(org)
    stranger.headers["Authorization"] = f"Bearer {org.token(Permission.ADMIN)}"
    nobody = scim(org)
    del nobody.headers["Authorization"]
    before = stored(org)
    assert is_error(limited.request(method, address, content="{"), 403)
    assert is_error(stranger.request(method, address, content="{"), 403)
    refused = nobody.request(method, address, content="{")
    assert is_error(refused, 401)
    assert refused.headers["www-authenticate"].startswith("Bearer")
    assert stored(org) == before


def test_cookies_are_ignored(org: Org) -> None:
    browser = org.visitor(Permission.SYNC_DIRECTORY)
    assert is_error(browser.get("/scim/v2/Users"), 401)


def test_what_the_service_supports_is_told_to_everybody(org: Org) -> None:
    nobody = scim(org)
    del nobody.headers["Authorization"]
    answer = nobody.get("ServiceProviderConfig")
    assert answer.status_code == 200
    body = answer.json()
    assert (body["bulk"]["maxOperations"], body["bulk"]["maxPayloadSize"]) == (1000, 8 * 1024 * 1024)
    assert [body[name]["supported"] for name in ("patch", "filter", "etag", "sort", "changePassword")] == [
        True, True, True, False, False,
    ]  # fmt: skip
    schemas = {one["id"]: one for one in scim(org).get("Schemas").json()["Resources"]}
    assert set(schemas) == {USER, ENTERPRISE, GROUP}
    assert {one["name"] for one in schemas[USER]["attributes"]} == {
        "userName", "displayName", "active", "emails", "preferredLanguage", "timezone", "groups",
    }  # fmt: skip


def test_another_organization_has_nothing_of_it(org: Org, other_org: Org) -> None:
    client, other = scim(org), scim(other_org)
    org.with_parties("a", folder="crew")
    made(client, "ada", externalId="E-1")
    before = stored(org)
    for address, body in (("Users/E-1", user("x")), ("Groups/crew", {"schemas": [GROUP], "displayName": "x"})):
        change = patch({"op": "replace", "path": "displayName", "value": "x"})
        answers = [
            other.get(address),
            other.put(address, json=body),
            other.patch(address, json=change),
            other.delete(address),
        ]
        assert all(is_error(answer, 404) for answer in answers)
    assert other.get("").json()["totalResults"] == 0
    for text in ('userName eq "ada"', 'externalId eq "E-1"', 'id eq "a"', 'groups.value eq "crew"'):
        assert other.get("Users", params={"filter": text}).json()["totalResults"] == 0
    assert stored(org) == before


def test_an_organization_that_was_never_added_is_refused(org: Org) -> None:
    client = scim(Org("org-never-added", org.app, org.parts))
    assert is_error(client.get("Users"), 403)


@pytest.mark.parametrize(
    ("method", "address", "status"),
    [
        ("GET", "Nothing", 404),
        ("GET", "Users/a/b", 404),
        ("DELETE", "Users", 405),
        ("POST", "Users/a", 405),
        ("PUT", "Bulk", 405),
    ],
)
def test_unknown_addresses_and_methods_are_answered_in_scims_form(
    org: Org, method: str, address: str, status: int
) -> None:
    answer = scim(org).request(method, address)
    assert is_error(answer, status)
    if status == 405:
        assert method not in answer.headers["allow"]


BODIES: list[Any] = [
    b"",
    b"{",
    b"[]",
    b'"x"',
    b"null",
    b'{"userName": NaN}',
    b"\xff\xfe",
    b'{"a":' * 100_000,
    {"schemas": SECRET},
    {"schemas": [USER]},
    {"schemas": [USER], "userName": {"a": SECRET}},
    {"schemas": [USER], "userName": "\x00" + SECRET},
    {"schemas": [USER], "userName": "a" * 300},
    {"schemas": [USER], "userName": "a", "displayName": "b" * 300},
    {"schemas": [USER], "userName": "a", "active": SECRET},
    {"schemas": [USER], "userName": "a", "emails": SECRET},
    {"schemas": [USER], "userName": "a", "emails": [SECRET]},
    {"schemas": [USER], "userName": "a", "emails": [{"value": SECRET}]},
    {"schemas": [USER], "userName": "a", "emails": [{"value": "a@b.example"}] * 1000},
    {"schemas": [USER], "userName": "a", "timezone": SECRET},
    {"schemas": [USER], "userName": "a", "preferredLanguage": SECRET + "!"},
    {"schemas": [USER], "userName": "a", "externalId": [SECRET]},
    {"schemas": [USER], "userName": "a", ENTERPRISE: {"manager": [SECRET]}},
    {"schemas": [USER], "userName": "a", ENTERPRISE: SECRET},
    {"schemas": [USER], "userName": "a", f"{ENTERPRISE}:manager": 5},
    {"schemas": [GROUP], "displayName": [SECRET]},
    {"schemas": [GROUP], "displayName": "G", "members": SECRET},
    {"schemas": [GROUP], "displayName": "G", "members": [{"value": SECRET}]},
    {"schemas": [GROUP], "displayName": "G", "members": [{"value": {"a": SECRET}}]},
    {"schemas": [PATCH], "Operations": SECRET},
    {"schemas": [PATCH], "Operations": []},
    {"schemas": [PATCH], "Operations": [SECRET]},
    {"schemas": [PATCH], "Operations": [{"op": SECRET, "path": "displayName", "value": "x"}]},
    {"schemas": [PATCH], "Operations": [{"op": "replace", "path": SECRET + "[", "value": "x"}]},
    {"schemas": [PATCH], "Operations": [{"op": "replace", "path": "id", "value": SECRET}]},
    {"schemas": [PATCH], "Operations": [{"op": "replace", "path": "meta.created", "value": SECRET}]},
    {"schemas": [PATCH], "Operations": [{"op": "replace", "path": "active", "value": SECRET}]},
    {"schemas": [PATCH], "Operations": [{"op": "add", "path": "displayName", "value": {"a": SECRET}}]},
    {"schemas": [PATCH], "Operations": [{"op": "add", "path": "members", "value": [{"display": SECRET}]}]},
    {"schemas": [PATCH], "Operations": [{"op": "add", "path": f'members[value eq "{SECRET}"]', "value": "x"}]},
    {"schemas": [PATCH], "Operations": [{"op": "remove", "path": f'members[value co "{SECRET}"]'}]},
    {"schemas": [PATCH], "Operations": [{"op": "remove"}]},
    {"schemas": [PATCH], "Operations": [{"op": "replace", "path": "(" * 900, "value": "x"}]},
    {"schemas": [PATCH], "Operations": [{"op": "replace", "path": "displayName", "value": "x"}] * 10_001},
    {"schemas": [BULK], "Operations": [{"method": "POST", "path": "/Users", "bulkId": "a", "data": {}}] * 1001},
    {"schemas": [BULK], "Operations": SECRET},
    {"schemas": [BULK], "failOnErrors": SECRET, "Operations": []},
]
TARGETS = [
    ("POST", "Users"),
    ("PUT", "Users/ada"),
    ("PATCH", "Users/ada"),
    ("POST", "Groups"),
    ("PUT", "Groups/crew"),
    ("PATCH", "Groups/crew"),
    ("POST", "Bulk"),
    ("POST", "Users/.search"),
]


@pytest.mark.parametrize("place", range(len(BODIES)))
def test_a_hostile_body_is_refused_or_taken_and_never_repeated(org: Org, place: int, logged: io.StringIO) -> None:
    client = scim(org)
    made(client, "ada")
    org.client().put("/v1/folders/crew", json={"name": "Crew"})
    body = BODIES[place]
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    for method, address in TARGETS:
        answer = client.request(method, address, content=content)
        assert answer.status_code < 500, (method, address, answer.text)
        if answer.status_code >= 400:
            assert is_error(answer, answer.status_code)
            assert SECRET not in answer.text, (method, address)
    assert SECRET not in logged.getvalue()


def test_values_of_a_bulk_request_are_not_repeated(org: Org) -> None:
    operations = [
        {"method": SECRET, "path": "/Users", "data": {}},
        {"method": "POST", "path": "/Users", "bulkId": "a", "data": {"schemas": [USER], "userName": [SECRET]}},
        {
            "method": "POST",
            "path": "/Users",
            "bulkId": "b",
            "data": {"schemas": [USER], "userName": "a", "timezone": SECRET},
        },
        {
            "method": "PATCH",
            "path": f"{USERS}/nobody",
            "data": patch({"op": "replace", "path": "active", "value": SECRET}),
        },
        {"method": "POST", "path": f"/{SECRET}", "bulkId": "c", "data": {}},
    ]
    answer = scim(org).post("Bulk", json={"schemas": [BULK], "Operations": operations})
    details = (
        [one["response"].get("detail") for one in answer.json()["Operations"]] if answer.status_code == 200 else []
    )
    assert answer.status_code in (200, 400)
    assert not any(SECRET in str(one) for one in details)


def test_a_body_of_more_than_8_mib_and_one_that_is_no_json_are_refused(org: Org) -> None:
    client = scim(org)
    large = b'{"schemas":["' + b"x" * (8 * 1024 * 1024) + b'"]}'
    for address in ("Users", "Bulk"):
        assert is_error(client.post(address, content=large), 413)
    assert is_error(client.post("Users", content=b"<a/>", headers={"Content-Type": "text/xml"}), 415)


def test_limits_of_requests_are_those_of_the_api(org: Org, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(org.parts.shares.rate, "most", 1)
    client = scim(org)
    answers = [client.get("Users") for _ in range(3)]
    limited = next(one for one in answers if one.status_code == 429)
    assert is_error(limited, 429)
    assert limited.headers["retry-after"]


def test_a_group_of_another_kind_of_member_is_refused(org: Org) -> None:
    client = scim(org)
    group_id = made_group(client, "Crew")["id"]
    nested = patch({"op": "add", "path": "members", "value": [{"value": group_id, "type": "Group"}]})
    assert is_error(client.patch(f"Groups/{group_id}", json=nested), 400)
