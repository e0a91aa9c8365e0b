"""The member's view of itself, its organization and training; and the refusals while training is not available."""

from dataclasses import replace

import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from api.http.parts import Parts
from shared import access, clock
from shared.access import Permission
from tests.factories import OPERATOR, Org

TRAINING_ADDRESSES = ["/v1/courses", "/v1/assignments", "/v1/jobs", "/v1/jobs/any"]
SWITCHED = ("organization.availability_changed", "organization.entitlement_changed")
CORE_ADDRESSES = ["/v1/me", "/v1/limits", "/v1/availability", "/v1/parties", "/v1/events"]


def reason(client: TestClient, path: str) -> str:
    """Returns the reason with which an address of training refuses."""
    answer = client.get(path)
    assert answer.status_code == 403, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["type"] == "urn:rollcall:problem:feature-not-available"
    return str(problem["reason"])


def entitle(org: Org, training: bool) -> None:
    with org.transaction() as db:
        access.entitle(db, training=training, actor=OPERATOR, now=clock.now())


def enable(org: Org, enabled: bool) -> dict[str, object]:
    answer = org.client(Permission.ADMIN).put("/v1/availability", json={"enabled": enabled})
    assert answer.status_code == 200, answer.text
    availability: dict[str, object] = answer.json()
    return availability


def test_a_member_reads_its_identity_and_its_navigation(org: Org) -> None:
    client = org.client(Permission.VIEW, Permission.ASSIGN, member="m-7", party="p-7", folders=["b", "a"])
    assert client.get("/v1/me").json() == {
        "org": org.id,
        "member": "m-7",
        "party": "p-7",
        "folders": ["a", "b"],
        "permissions": ["training.assign", "training.view"],
        "navigation": [{"id": "training", "title": "Training", "href": "/training"}],
    }


def test_every_member_may_read_the_limits(org: Org) -> None:
    assert org.stranger().get("/v1/limits").json() == {
        "requests": 3000,
        "waits": 1000,
        "streams": 1000,
        "heavyBodies": 8,
        "heavyBodyBytes": 65_536,
        "requestsPerSecond": None,
        "bodyBytes": 8 * 1024 * 1024,
        "recipients": 50_000,
        "page": 500,
        "partiesPerSync": 10_000,
    }


def test_a_missing_permission_is_named(org: Org) -> None:
    course = {"title": "H2S", "code": "h2s", "mode": "flex"}
    answer = org.client(Permission.VIEW).post("/v1/courses", json=course)
    assert answer.status_code == 403
    problem = answer.json()
    assert problem["type"] == "urn:rollcall:problem:permission-denied"
    assert "training.admin" in problem["detail"]
    either = org.client(Permission.CHECK_LICENCES).get("/v1/events").json()
    assert "events.read or training.admin" in either["detail"]


@pytest.mark.parametrize("path", [*CORE_ADDRESSES[:1], *CORE_ADDRESSES[2:], *TRAINING_ADDRESSES])
def test_an_organization_that_was_never_added_is_unknown(org: Org, path: str) -> None:
    answer = replace(org, id="org-never-added").client().get(path)
    assert answer.status_code == 403
    assert answer.json()["type"] == "urn:rollcall:problem:organization-unknown"


def test_training_switched_off_and_on_by_an_administrator_loses_nothing(org: Org) -> None:
    course = org.with_course()
    member = org.stranger()
    assert enable(org, False) == {"available": False, "enabled": False, "reason": "disabled"}

    assert {reason(org.client(), path) for path in TRAINING_ADDRESSES} == {"disabled"}
    assert reason(org.client(), f"/v1/courses/{course}") == "disabled"
    assert member.get("/v1/availability").json()["reason"] == "disabled"
    assert member.get("/v1/me").json()["navigation"] == []
    assert [org.client().get(path).status_code for path in CORE_ADDRESSES] == [200] * len(CORE_ADDRESSES)

    assert enable(org, True) == {"available": True, "enabled": True, "reason": None}
    assert org.client().get(f"/v1/courses/{course}").json()["activeVersion"]["label"] == "v1.0"
    assert len(member.get("/v1/me").json()["navigation"]) == 1


def test_training_without_entitlement_stays_unavailable_whatever_the_administrator_sets(org: Org) -> None:
    entitle(org, False)
    assert {reason(org.client(), path) for path in TRAINING_ADDRESSES} == {"not_entitled"}
    assert enable(org, True)["reason"] == "not_entitled"
    enable(org, False)
    entitle(org, True)
    assert reason(org.client(), "/v1/courses") == "disabled"


def test_a_switch_of_training_is_recorded_once_with_its_actor(org: Org) -> None:
    for _ in range(2):
        enable(org, False)
    entitle(org, False)
    events = org.client().get("/v1/events").json()["items"]
    switched = [event for event in events if event["type"] in SWITCHED]
    assert [event["type"] for event in switched] == list(SWITCHED)
    assert [event["data"]["training"] for event in switched] == [False, False]
    assert [event["data"]["actor"]["id"] for event in switched] == ["member-1", "tests"]


def test_only_an_administrator_switches_training(org: Org) -> None:
    others = [permission for permission in Permission if permission is not Permission.ADMIN]
    answer = org.client(*others).put("/v1/availability", json={"enabled": False})
    assert answer.status_code == 403
    assert org.stranger().get("/v1/availability").json()["available"] is True


def test_a_deployment_without_training_says_so(org: Org, parts: Parts) -> None:
    bare = replace(parts, settings=parts.settings.model_copy(update={"features": frozenset()}))
    without = replace(org, app=create_app(bare), parts=bare)
    assert {reason(without.client(), path) for path in TRAINING_ADDRESSES} == {"not_deployed"}
    assert without.stranger().get("/v1/availability").json()["reason"] == "not_deployed"
    assert without.stranger().get("/v1/me").json()["navigation"] == []
    assert [without.client().get(path).status_code for path in CORE_ADDRESSES] == [200] * len(CORE_ADDRESSES)
    assert not [path for path in without.app.openapi()["paths"] if path in TRAINING_ADDRESSES]
    assert TestClient(without.app).get("/v1/courses").status_code == 401
