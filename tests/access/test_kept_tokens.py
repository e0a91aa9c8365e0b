"""Callers that are kept, so that a token is not verified for each request: for how long, and what ends it sooner."""

import secrets
from typing import Any

import jwt
import pytest
import time_machine
from pytest_httpserver import HTTPServer

from shared.access import TokenVerifier, Unauthenticated, tokens
from shared.access.keys import FRESH_SECONDS
from shared.settings import Settings
from tests.access.issuing import Key, claims
from tests.factories import Org

SECRET = secrets.token_urlsafe(32)
START = 1_800_000_000


def signed(**changes: Any) -> str:
    return jwt.encode(claims(exp=START + 600) | changes, SECRET, algorithm="HS256")


@pytest.fixture
def verifier() -> TokenVerifier:
    return TokenVerifier(Settings(jwt_secret=SECRET))


def test_a_verified_token_is_known_for_a_minute_and_any_other_is_not(verifier: TokenVerifier) -> None:
    token = signed()
    with time_machine.travel(START, tick=False) as clock:
        assert verifier.known(token) is None
        caller = verifier.verify(token)
        assert verifier.known(token) == caller
        head, _, signature = token.rpartition(".")
        assert verifier.known(f"{head}.{signature[:-2]}") is None, "the signature counts too"
        clock.shift(59)
        assert verifier.known(token) == caller
        clock.shift(1)
        assert verifier.known(token) is None
        clock.shift(-100)
        assert verifier.known(token) is None, "a clock that was set back makes no token last longer"


@pytest.mark.parametrize("seconds", [1, 10, 59])
def test_a_token_is_known_no_longer_than_it_is_valid(verifier: TokenVerifier, seconds: int) -> None:
    token = signed(exp=START + seconds)
    with time_machine.travel(START, tick=False) as clock:
        verifier.verify(token)
        clock.shift(seconds - 0.5)
        assert verifier.known(token)
        clock.shift(0.5)
        assert verifier.known(token) is None
        clock.shift(tokens.CLOCK_SKEW_SECONDS)
        with pytest.raises(Unauthenticated):
            verifier.verify(token)


def test_a_token_that_was_refused_is_not_kept(verifier: TokenVerifier) -> None:
    token = jwt.encode(claims(), "another secret that is long enough", algorithm="HS256")
    for _ in range(2):
        assert verifier.known(token) is None
        with pytest.raises(Unauthenticated):
            verifier.verify(token)


def test_a_limited_number_of_tokens_is_kept(verifier: TokenVerifier, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "MOST_KEPT", 3)
    with time_machine.travel(START, tick=False):
        given = [signed(sub=f"member-{n}") for n in range(5)]
        for token in given:
            verifier.verify(token)
        assert [verifier.known(token) is not None for token in given] == [False, False, True, True, True]


def test_a_change_of_the_published_keys_ends_all_tokens_that_are_kept(httpserver: HTTPServer) -> None:
    former, later = Key.make("ES256", "former"), Key.make("ES256", "later")
    published = [former.published]
    httpserver.expect_request("/keys").respond_with_handler(
        lambda _: __import__("werkzeug").Response(__import__("json").dumps({"keys": published}))
    )
    with time_machine.travel(START, tick=False) as clock:
        verifier = TokenVerifier(
            Settings(jwks_url=httpserver.url_for("/keys"), jwt_issuer="https://id.example", jwt_algorithms="ES256")
        )
        withdrawn = former.sign(claims(exp=START + 2 * FRESH_SECONDS))
        verifier.verify(withdrawn)
        assert verifier.known(withdrawn)
        published[:] = [later.published]
        clock.shift(40)  # a key that is not known is looked for again at last after 30 s
        verifier.verify(later.sign(claims(exp=START + 600)))
        assert verifier.known(withdrawn) is None
        with pytest.raises(Unauthenticated):
            verifier.verify(withdrawn)


def test_a_token_is_verified_once_and_its_requests_are_counted_each(org: Org, monkeypatch: pytest.MonkeyPatch) -> None:
    verified: list[str] = []
    counted: list[str] = []
    verify = org.parts.tokens.verify
    monkeypatch.setattr(org.parts.tokens, "verify", lambda token: verified.append(token) or verify(token))
    monkeypatch.setattr(org.parts.shares.rate, "count", counted.append)
    client = org.client()
    assert {client.get("/v1/me").status_code for _ in range(3)} == {200}
    assert (len(verified), counted) == (1, [org.id] * 3)
