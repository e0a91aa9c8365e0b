"""Signing in again, for acts that need a recent proof of who it is."""

from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from shared import clock
from shared.access import SignInIssuer
from tests.console.issuing import Issuer, begin, bind, browser_of, is_refused, sign_in
from tests.factories import Org


def test_signing_in_again_asks_for_a_new_proof_and_makes_the_sign_in_recent(
    home: Org, strict: Issuer, bound: SignInIssuer
) -> None:
    browser = browser_of(home)
    strict.claims["auth_time"] = int(clock.now().timestamp()) - 3600
    sign_in(browser, home, bound, strict)
    assert browser.get("/probe").json()["recent"] is False
    refused = browser.post("/probe/recent", headers={"Sec-Fetch-Site": "same-origin"})
    assert refused.json()["type"] == "urn:rollcall:problem:sign-in-not-recent"
    address = begin(browser, home, bound, again="1", next="/probe")
    asked = dict(parse_qsl(urlsplit(address).query))
    assert (asked["prompt"], asked["max_age"]) == ("login", "0")
    answer = browser.get("/sign-in/callback", params=strict.log_in(address))
    assert is_refused(answer, "has not asked you to sign in again")
    del strict.claims["auth_time"]
    assert sign_in(browser, home, bound, strict, again="1", next="/probe").headers["Location"] == "/probe"
    assert browser.post("/probe/recent", headers={"Sec-Fetch-Site": "same-origin"}).status_code == 200


@pytest.mark.parametrize("told", [None, "yesterday", True, -1, 10**12])
def test_without_a_time_of_proof_a_sign_in_is_never_recent(
    home: Org, strict: Issuer, bound: SignInIssuer, told: Any
) -> None:
    strict.change = lambda claims: claims.update(auth_time=told)
    browser = browser_of(home)
    assert sign_in(browser, home, bound, strict).status_code == 303
    assert browser.get("/probe").json()["recent"] is False
    assert is_refused(sign_in(browser, home, bound, strict, again="1"), "does not say when")


def test_an_issuer_that_never_says_when_is_believed_if_the_operator_says_so(home: Org, strict: Issuer) -> None:
    bound = bind(home, strict, tells_when=False)
    strict.change = lambda claims: claims.pop("auth_time")
    browser = browser_of(home)
    sign_in(browser, home, bound, strict)
    assert browser.get("/probe").json()["recent"] is False
    sign_in(browser, home, bound, strict, again="1")
    assert browser.get("/probe").json()["recent"] is True
