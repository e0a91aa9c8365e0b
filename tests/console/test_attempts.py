"""An attempt to sign in belongs to the browser that began it, for ten minutes."""

import dataclasses
from datetime import timedelta
from urllib.parse import parse_qsl, urlsplit

import time_machine
from fastapi.testclient import TestClient

from api.http.parts import Parts
from shared import clock
from shared.access import SignInIssuer
from tests.console.issuing import Issuer, begin, bind, browser_of, is_refused, rows, sign_in
from tests.console.probing import status, with_probes
from tests.factories import Org


def test_twenty_abandoned_attempts_leave_the_next_one_working(home: Org, strict: Issuer, bound: SignInIssuer) -> None:
    browser = browser_of(home)
    for _ in range(25):
        last = begin(browser, home, bound)
    assert len(browser.cookies) == 20
    assert browser.get("/sign-in/callback", params=strict.log_in(last)).status_code == 303
    assert len(browser.cookies) == 20  # one attempt less, and the sign-in


def test_a_stolen_state_is_refused_in_another_browser(home: Org, strict: Issuer, bound: SignInIssuer) -> None:
    victim, thief = browser_of(home), browser_of(home)
    begin(thief, home, bound)
    answer = strict.log_in(begin(victim, home, bound))
    assert is_refused(thief.get("/sign-in/callback", params=answer), "not of this browser")
    assert strict.asked == []


def test_a_callback_that_nobody_began_is_refused(home: Org, strict: Issuer, bound: SignInIssuer) -> None:
    """Otherwise somebody could sign a person in as somebody else."""
    browser = browser_of(home)
    for query in ({"state": "x", "code": "code-0"}, {"state": "", "code": "code-0"}, {"state": "é", "code": "c"}):
        assert is_refused(browser.get("/sign-in/callback", params=query))
    assert browser.get("/sign-in/callback").status_code == 422


def test_a_changed_state_is_refused_although_the_cookie_is_found(
    home: Org, strict: Issuer, bound: SignInIssuer
) -> None:
    browser = browser_of(home)
    answer = strict.log_in(begin(browser, home, bound))
    assert is_refused(browser.get("/sign-in/callback", params=answer | {"state": answer["state"] + "x"}))
    assert strict.asked == []


def test_a_cookie_of_an_attempt_is_encrypted_short_lived_and_hidden_from_scripts(
    home: Org, strict: Issuer, bound: SignInIssuer
) -> None:
    browser = browser_of(home)
    query = {"organization": home.id, "issuer": str(bound.id), "next": "/jobs/17"}
    answer = browser.get("/sign-in/start", params=query)
    asked = dict(parse_qsl(urlsplit(answer.headers["Location"]).query))
    cookie = answer.headers["Set-Cookie"]
    assert {"httponly", "path=/", "samesite=lax", "max-age=600"} <= set(cookie.lower().split("; "))
    assert not any(secret in cookie for secret in (asked["state"], asked["nonce"], "/jobs/17", home.id))
    late = TestClient(home.app, follow_redirects=False, cookies=dict(browser.cookies))  # a browser that forgets nothing
    with time_machine.travel(clock.now() + timedelta(minutes=10, seconds=2)):
        back = strict.log_in(answer.headers["Location"])
        assert is_refused(late.get("/sign-in/callback", params=back), "10 minutes")
    assert strict.asked == []


def test_behind_https_both_cookies_are_bound_to_this_host_and_to_https(home: Org, strict: Issuer, parts: Parts) -> None:
    settings = parts.settings.model_copy(update={"public_url": "https://training.example.org"})
    made = dataclasses.replace(parts, settings=settings)
    there = dataclasses.replace(home, app=with_probes(made), parts=made)
    browser = browser_of(there)
    browser.base_url = "https://training.example.org"
    query = {"organization": home.id, "issuer": str(bind(there, strict).id)}
    begun = browser.get("/sign-in/start", params=query)
    ended = browser.get("/sign-in/callback", params=strict.log_in(begun.headers["Location"]))
    assert ended.status_code == 303, ended.text
    given = [one.lower() for answer in (begun, ended) for one in answer.headers.get_list("Set-Cookie")]
    assert len(given) == 3  # an attempt, its end, the sign-in
    for cookie in given:
        assert cookie.startswith("__host-rollcall")
        assert {"secure", "httponly", "samesite=lax", "path=/"} <= set(cookie.split("; "))
        assert "domain" not in cookie
    assert status(browser) == 200


def test_a_forged_cookie_of_an_attempt_is_refused(home: Org, strict: Issuer, bound: SignInIssuer) -> None:
    browser = browser_of(home)
    answer = strict.log_in(begin(browser, home, bound))
    (name,) = browser.cookies
    kept = browser.cookies[name]
    for forged in (kept[:-5] + "AAAA=", "", "x", kept[::-1]):
        other = browser_of(home)
        other.cookies.set(name, forged)
        assert is_refused(other.get("/sign-in/callback", params=answer)), forged


def test_the_answer_of_another_issuer_is_refused(home: Org, strict: Issuer, bound: SignInIssuer) -> None:
    browser = browser_of(home)
    answer = strict.log_in(begin(browser, home, bound))
    assert is_refused(browser.get("/sign-in/callback", params=answer | {"iss": "https://other.example"}), "another")
    assert strict.asked == []


def test_signing_in_gives_a_new_cookie_and_ends_the_former_sign_in(
    home: Org, strict: Issuer, bound: SignInIssuer
) -> None:
    browser = browser_of(home)
    sign_in(browser, home, bound, strict)
    former = TestClient(home.app, cookies={"rollcall": browser.cookies["rollcall"]})
    assert status(former) == 200
    sign_in(browser, home, bound, strict)
    assert browser.cookies["rollcall"] != former.cookies["rollcall"]
    assert (status(former), status(browser)) == (401, 200)
    assert [one.end_reason for one in rows(home)] == ["signed-in-again", None]


def test_a_cookie_that_was_planted_before_signing_in_is_not_the_sign_ins(
    home: Org, strict: Issuer, bound: SignInIssuer
) -> None:
    browser = browser_of(home)
    browser.cookies.set("rollcall", f"planted.{home.id}")
    answer = sign_in(browser, home, bound, strict)
    assert "planted" not in answer.headers["Set-Cookie"]
    assert status(TestClient(home.app, cookies={"rollcall": f"planted.{home.id}"})) == 401
