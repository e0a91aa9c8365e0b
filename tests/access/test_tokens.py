"""Tokens signed with the shared secret: the claims that they need, and the claims' forms."""

import base64
import secrets
import time
from typing import Any

import jwt
import pytest
import time_machine

from shared.access import Caller, TokenVerifier, Unauthenticated
from shared.settings import BadSettings, Settings
from tests.access.issuing import claims, unsigned
from tests.factories import Org

SECRET = secrets.token_urlsafe(32)


def verify(token: str, **settings: Any) -> Caller:
    return TokenVerifier(Settings(jwt_secret=SECRET, **settings)).verify(token)


def signed(**changes: Any) -> str:
    return jwt.encode(claims(**changes), SECRET, algorithm="HS256")


def test_a_caller_has_what_the_token_grants() -> None:
    assert verify(signed(permissions=["training.view"], party="party-1", folders=["crew"])) == Caller(
        org_id="org-1",
        member_id="member-1",
        permissions=frozenset({"training.view"}),
        party_id="party-1",
        folders=frozenset({"crew"}),
    )


def test_a_token_without_folders_has_no_scope_and_one_with_an_empty_list_has_an_empty_scope() -> None:
    assert verify(signed()).folders is None
    assert verify(signed(folders=[])).folders == frozenset()


def test_a_token_whose_folders_are_null_is_refused() -> None:
    with pytest.raises(Unauthenticated):
        verify(jwt.encode(claims() | {"folders": None}, SECRET, algorithm="HS256"))


def test_a_token_without_permissions_is_a_member_without_any() -> None:
    assert verify(signed(permissions=None)).permissions == frozenset()


@pytest.mark.parametrize(
    "token",
    [
        "",
        "garbage",
        "a.b.c",
        "....",
        "é" * 20,
        "e30." * 3,
        base64.urlsafe_b64encode(b"[" * 100_000).decode() + ".e30.e30",
        unsigned(),
        unsigned() + signed().rpartition(".")[2],
        jwt.encode(claims(), secrets.token_urlsafe(32), algorithm="HS256"),
        jwt.encode(claims(), SECRET * 2, algorithm="HS512"),
        signed()[:-4] + "AAAA",
    ],
    ids=[
        "empty",
        "garbage",
        "not-base64",
        "dots",
        "not-ascii",
        "no-claims",
        "deep-header",
        "alg-none",
        "alg-none-with-a-signature",
        "another-secret",
        "another-algorithm",
        "signature-changed",
    ],
)
def test_a_token_that_the_secret_did_not_sign_is_refused(token: str) -> None:
    with pytest.raises(Unauthenticated, match="not valid for this service"):
        verify(token)


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": None},
        {"aud": "payroll"},
        {"aud": ["payroll"]},
        {"exp": None},
        {"exp": "tomorrow"},
        {"sub": None},
        {"sub": 7},
        {"sub": ""},
        {"sub": "member 1"},
        {"org": None},
        {"org": 7},
        {"org": ["org-1"]},
        {"org": "org/1"},
        {"org": "org-1\n"},
        {"org": "o" * 65},
        {"org": "org-\0"},
        {"party": 7},
        {"party": "party 1"},
        {"permissions": "training.view"},
        {"permissions": {"training.view": True}},
        {"permissions": [7]},
        {"folders": "crew"},
        {"folders": False},
        {"folders": 0},
        {"folders": ""},
        {"folders": {}},
        {"folders": [None]},
        {"folders": ["no such folder"]},
        {"nbf": 2**33},
    ],
    ids=str,
)
def test_claims_that_are_missing_or_misshapen_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(Unauthenticated):
        verify(signed(**changes))


def test_a_token_expires_30_seconds_late_because_clocks_differ() -> None:
    with time_machine.travel("2026-03-01T12:00:00Z", tick=False) as now:
        token = signed(exp=int(time.time()) + 600)
        now.shift(629)
        assert verify(token).member_id == "member-1"
        now.shift(1)
        with pytest.raises(Unauthenticated, match="expired"):
            verify(token)


def test_a_token_of_another_issuer_than_the_pinned_one_is_refused() -> None:
    assert verify(signed(), jwt_issuer="https://id.example").org_id == "org-1"
    with pytest.raises(Unauthenticated):
        verify(signed(iss="https://elsewhere.example"), jwt_issuer="https://id.example")
    with pytest.raises(Unauthenticated):
        verify(signed(iss=None), jwt_issuer="https://id.example")


def test_a_service_without_secret_and_keys_does_not_start() -> None:
    with pytest.raises(BadSettings, match="ROLLCALL_JWT_SECRET"):
        TokenVerifier(Settings())


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Basic bWU6bWU=", "Bearer a b", "bearer garbage"])
def test_a_request_without_a_valid_token_is_answered_401_with_a_challenge(org: Org, header: str) -> None:
    client = org.client()
    client.headers["Authorization"] = header
    answer = client.get("/v1/me")
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert answer.json()["type"] == "urn:rollcall:problem:unauthenticated"
    client.headers["Authorization"] = f"bearer  {org.token()}"
    assert client.get("/v1/me").status_code == 200
