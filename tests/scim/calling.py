"""A SCIM client for tests: bodies in the shapes that clients send, and the answers to them."""

from collections.abc import Collection
from typing import Any

from fastapi.testclient import TestClient

from shared.access import Permission
from tests.factories import Org

USERS = "/Users"
USER = "urn:ietf:params:scim:schemas:core:2.0:User"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
BULK = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"
ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"


def scim(org: Org, *, party: str | None = None, folders: Collection[str] | None = None) -> TestClient:
    """Return a client with a token for SCIM."""
    client = org.client(Permission.SYNC_DIRECTORY, party=party, folders=folders)
    client.base_url = client.base_url.join("/scim/v2/")
    client.headers["Content-Type"] = "application/scim+json"
    return client


def user(user_name: str, **fields: Any) -> dict[str, Any]:
    """Return the body of a new user."""
    return {"schemas": [USER], "userName": user_name, "displayName": f"Name of {user_name}", "active": True} | fields


def group(name: str, *members: str, **fields: Any) -> dict[str, Any]:
    """Return the body of a new group."""
    return {"schemas": [GROUP], "displayName": name, "members": [{"value": one} for one in members]} | fields


def patch(*operations: dict[str, Any]) -> dict[str, Any]:
    """Return the body of a PATCH."""
    return {"schemas": [PATCH], "Operations": list(operations)}


def made(client: TestClient, user_name: str, **fields: Any) -> Any:
    """Create a user. Returns the answer's body."""
    answer = client.post("Users", json=user(user_name, **fields))
    assert answer.status_code == 201, answer.text
    return answer.json()


def made_group(client: TestClient, name: str, *members: str, **fields: Any) -> Any:
    """Create a group. Returns the answer's body."""
    answer = client.post("Groups", json=group(name, *members, **fields))
    assert answer.status_code == 201, answer.text
    return answer.json()


def found(client: TestClient, noun: str, filter: str) -> list[str]:
    """Return the ids of what a filter finds."""
    answer = client.get(noun, params={"filter": filter})
    assert answer.status_code == 200, answer.text
    body = answer.json()
    ids = [one["id"] for one in body.get("Resources", [])]
    assert body["totalResults"] == len(ids)
    return ids


def members_of(client: TestClient, group_id: str) -> list[str]:
    """Return the ids of a group's members."""
    return [one["value"] for one in client.get(f"Groups/{group_id}").json().get("members", [])]
