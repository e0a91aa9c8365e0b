"""Signing in at an issuer, from the link to the page that was asked for."""

from urllib.parse import parse_qsl, urlsplit

import httpx2
import oidc_provider_mock

from shared.access import SignInIssuer
from tests.console.issuing import CLIENT, SECRET, Issuer, begin, bind, browser_of, is_refused, rows, sign_in
from tests.factories import Org, add_org
from tests.feed import recorded

# --- the way in


def test_a_person_signs_in_at_the_issuer_and_is_back_at_the_page(
    home: Org, strict: Issuer, bound: SignInIssuer
) -> None:
    browser = browser_of(home)
    assert browser.get("/probe").status_code == 401
    page = browser.get("/sign-in", params={"organization": home.id, "next": "/probe?a=b&c=d"})
    assert "Sign in with id" in page.text
    link = page.text.partition('href="')[2].partition('"')[0].replace("&amp;", "&")
    answer = browser.get("/sign-in/callback", params=strict.log_in(browser.get(link).headers["Location"]))
    assert (answer.status_code, answer.headers["Location"]) == (303, "/probe?a=b&c=d")
    seen = browser.get("/probe").json()
    assert (seen["member"], seen["name"], seen["permissions"]) == ("id:ada", "Ada Lindqvist", ["training.view"])
    assert (seen["party"], seen["folders"], seen["recent"]) == (None, None, True)
    (begun,) = [event for event in recorded(home) if event.type == "sign_in.begun"]
    assert begun.data["permissions"] == ["training.view"]


def test_an_attempt_asks_the_issuer_for_everything_that_its_answer_is_checked_by(
    home: Org, strict: Issuer, bound: SignInIssuer
) -> None:
    first, second = (dict(parse_qsl(urlsplit(begin(browser_of(home), home, bound)).query)) for _ in range(2))
    assert first["redirect_uri"] == "http://127.0.0.1:8000/sign-in/callback"
    assert first["scope"] == "openid profile"
    for secret in ("state", "nonce", "code_challenge"):
        assert len(first[secret]) == 43
        assert first[secret] != second[secret]
    assert "prompt" not in first


def test_the_issuer_of_others_signs_a_person_in(home: Org) -> None:
    """`oidc-provider-mock`: RS256, no key id, the client's secret in a header, end of session."""
    user = oidc_provider_mock.User(sub="ada", claims={"groups": ["crew"], "name": "Ada"})
    with oidc_provider_mock.run_server_in_thread(user_claims=[user]) as server:
        other = Issuer(f"http://localhost:{server.server_port}", claims={})
        there = bind(home, other)
        browser = browser_of(home)
        address = begin(browser, home, there)
        back = httpx2.post(address, data={"sub": "ada"}, follow_redirects=False).headers["Location"]
        answer = browser.get(back.partition("8000")[2])
        assert (answer.status_code, answer.headers.get("Location")) == (303, "/training"), answer.text
        assert browser.get("/probe").json()["member"] == "id:ada"
        assert is_refused(browser.get(back.partition("8000")[2]))
        left = browser.get("/sign-in/leave", params={"organization": home.id, "issuer": str(there.id)})
        assert left.headers["Location"].startswith(f"{other.address}/oauth2/end_session?client_id={CLIENT}&")


def test_a_denial_at_the_issuer_is_told_kindly(home: Org, strict: Issuer, bound: SignInIssuer) -> None:
    browser = browser_of(home)
    state = strict.log_in(begin(browser, home, bound))["state"]
    answer = browser.get(
        "/sign-in/callback", params={"state": state, "error": "access_denied", "error_description": "<b>x"}
    )
    assert is_refused(answer, "has not signed you in")
    assert "<b>" not in answer.text


def test_an_organization_without_an_issuer_and_one_that_does_not_exist_get_the_same_page(home: Org, org: Org) -> None:
    pages = [browser_of(home).get("/sign-in", params={"organization": one}) for one in (org.id, "nobody")]
    assert pages[0].text.replace(org.id, "") == pages[1].text.replace("nobody", "")
    assert "is not set up" in pages[0].text
    asked = browser_of(home).get("/sign-in", params={"organization": "a b<"})
    assert "Your organization" in asked.text
    assert "a b" not in asked.text


# --- the issuer


def test_a_wrong_client_secret_or_verifier_signs_nobody_in(home: Org, strict: Issuer, bound: SignInIssuer) -> None:
    strict.secret = "another"
    assert is_refused(sign_in(browser_of(home), home, bound, strict))
    strict.secret = SECRET
    browser = browser_of(home)
    answer = strict.log_in(begin(browser, home, bound))
    strict.codes[answer["code"]]["code_challenge"] = "x" * 43
    assert is_refused(browser.get("/sign-in/callback", params=answer))
    assert rows(home) == []


def test_a_public_client_sends_no_secret(home: Org, strict: Issuer) -> None:
    strict.secret = None
    assert sign_in(browser_of(home), home, bind(home, strict), strict).status_code == 303
    assert "client_secret" not in strict.asked[0]


def test_an_issuer_that_takes_no_header_gets_the_secret_in_the_form(
    home: Org, strict: Issuer, bound: SignInIssuer
) -> None:
    strict.described = {"token_endpoint_auth_methods_supported": ["client_secret_post"]}
    home.parts.providers.forget(strict.address)
    assert is_refused(sign_in(browser_of(home), home, bound, strict))  # this one wants the header
    assert strict.asked[0]["client_secret"] == SECRET
    strict.described = {}
    home.parts.providers.forget(strict.address)


def test_an_issuer_that_does_not_answer_is_a_page_and_no_error(home: Org, strict: Issuer, bound: SignInIssuer) -> None:
    home.parts.providers.forget(strict.address)
    strict.away = True
    query = {"organization": home.id, "issuer": str(bound.id)}
    answer = browser_of(home).get("/sign-in/start", params=query)
    assert (answer.status_code, "try again" in answer.text) == (503, True)
    strict.away = False
    browser = browser_of(home)
    last = strict.log_in(begin(browser, home, bound))
    strict.away = True
    assert browser.get("/sign-in/callback", params=last).status_code == 503


def test_an_issuer_that_describes_itself_as_another_one_is_refused(
    home: Org, strict: Issuer, bound: SignInIssuer
) -> None:
    query = {"organization": home.id, "issuer": str(bound.id)}
    for wrong in (
        {"issuer": "https://other.example"},
        {"token_endpoint": "http://elsewhere.example/token"},
        {"jwks_uri": None},
    ):
        strict.described = wrong
        home.parts.providers.forget(strict.address)
        assert browser_of(home).get("/sign-in/start", params=query).status_code == 503, wrong
    strict.described = {}
    home.parts.providers.forget(strict.address)


def test_an_issuer_of_one_organization_signs_nobody_in_to_another(
    home: Org, strict: Issuer, bound: SignInIssuer
) -> None:
    other = add_org(home.app, home.parts)
    query = {"organization": other.id, "issuer": str(bound.id)}
    assert browser_of(home).get("/sign-in/start", params=query).status_code == 404
    strict.claims |= {"org": other.id, "organization": other.id}
    browser = browser_of(home)
    sign_in(browser, home, bound, strict)
    assert (browser.get("/probe").json()["transaction"], rows(other)) == (home.id, [])
