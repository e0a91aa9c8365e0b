"""Logging out at the issuer ends sign-ins here (OpenID Connect Back-Channel Logout 1.0)."""

import time
from typing import Any

import jwt
import pytest
from fastapi.testclient import TestClient

from shared.access import SignInIssuer
from tests.access.issuing import Key
from tests.console.issuing import Issuer, browser_of, rows, sign_in
from tests.console.probing import status
from tests.factories import Org, add_org


def told(org: Org, token: str) -> Any:
    """Return the answer to a logout token. An issuer sends neither a cookie nor an origin."""
    return browser_of(org).post(f"/sign-in/logout/{org.id}", data={"logout_token": token})


@pytest.fixture
def browser(home: Org, strict: Issuer, bound: SignInIssuer) -> TestClient:
    """A browser in which Ada is signed in, by the issuer's session `one`."""
    strict.claims["sid"] = "one"
    browser = browser_of(home)
    sign_in(browser, home, bound, strict)
    assert status(browser) == 200
    return browser


def test_logging_out_at_the_issuer_ends_the_persons_sign_ins(home: Org, strict: Issuer, browser: TestClient) -> None:
    visitor = home.visitor()
    answer = told(home, strict.logout_token())
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")
    assert (status(browser), status(visitor)) == (401, 200)
    assert rows(home)[0].end_reason == "logged-out"


def test_a_session_of_the_issuer_ends_only_the_sign_ins_that_it_began(
    home: Org, strict: Issuer, bound: SignInIssuer, browser: TestClient
) -> None:
    strict.claims["sid"] = "two"
    second = browser_of(home)
    sign_in(second, home, bound, strict)
    assert told(home, strict.logout_token(sub=None, sid="two")).status_code == 200
    assert (status(browser), status(second)) == (200, 401)
    assert told(home, strict.logout_token(sid="one")).status_code == 200
    assert status(browser) == 401


def test_a_logout_of_somebody_else_ends_nothing(home: Org, strict: Issuer, browser: TestClient) -> None:
    assert told(home, strict.logout_token(sub="ben")).status_code == 200
    assert told(home, strict.logout_token(sub="ben", sid="one")).status_code == 200
    assert status(browser) == 200


def test_a_logout_token_is_obeyed_once(home: Org, strict: Issuer, bound: SignInIssuer, browser: TestClient) -> None:
    token = strict.logout_token()
    assert told(home, token).status_code == 200
    again = browser_of(home)
    sign_in(again, home, bound, strict)
    answer = told(home, token)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    assert status(again) == 200


def ago(seconds: int) -> int:
    """Return an instant in the past, in seconds since 1970."""
    return int(time.time()) - seconds


EVENT = "http://schemas.openid.net/event/backchannel-logout"
WRONG: dict[str, dict[str, Any]] = {
    "another issuer": {"iss": "https://other.example"},
    "no issuer": {"iss": None},
    "another audience": {"aud": "other"},
    "no events": {"events": None},
    "another event": {"events": {"http://schemas.openid.net/event/other": {}}},
    "events that are none": {"events": EVENT},
    "an event that is none": {"events": {EVENT: "x"}},
    "a nonce": {"nonce": "x"},
    "no id": {"jti": None},
    "an id that is no text": {"jti": 7},
    "nobody": {"sub": None},
    "a subject that is no text": {"sub": ["ada"]},
    "a session that is no text": {"sid": {"a": 1}},
    "expired": {"exp": ago(60)},
    "issued long ago": {"iat": ago(3600)},
    "no time of issue": {"iat": None},
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG.keys())
def test_a_logout_token_with_a_wrong_claim_ends_nothing(
    home: Org, strict: Issuer, browser: TestClient, wrong: dict[str, Any]
) -> None:
    assert told(home, strict.logout_token(**wrong)).status_code == 400
    assert status(browser) == 200


def test_a_forged_logout_token_ends_nothing(
    home: Org, strict: Issuer, bound: SignInIssuer, browser: TestClient
) -> None:
    good = jwt.decode(strict.logout_token(), options={"verify_signature": False})
    forged = [
        Key.make("ES256").sign(good),
        jwt.encode(good, "", algorithm="none"),
        "",
        "x",
        "a.b.c",
        strict.id_token("x"),
    ]
    assert [told(home, token).status_code for token in forged] == [400] * len(forged)
    assert browser_of(home).post(f"/sign-in/logout/{home.id}", content=b"\xff\xfe").status_code == 400
    assert status(browser) == 200


def test_a_logout_token_ends_nothing_in_another_organization(home: Org, strict: Issuer, browser: TestClient) -> None:
    other = add_org(home.app, home.parts)
    assert told(other, strict.logout_token()).status_code == 400
    assert (
        browser_of(home).post("/sign-in/logout/nobody", data={"logout_token": strict.logout_token()}).status_code == 400
    )
    assert status(browser) == 200


def test_an_id_token_is_no_logout_token_and_a_logout_token_no_bearer_token(
    home: Org, strict: Issuer, browser: TestClient
) -> None:
    token = strict.logout_token()
    assert browser_of(home).get("/v1/me", headers={"Authorization": f"Bearer {token}"}).status_code == 401
    assert told(home, strict.id_token("n")).status_code == 400
