"""Callers that are kept, so that a token is not verified for each request: for how long, and what ends it sooner."""

import secrets
from typing import Any

import jwt
import pytest
import time_machine
from pytest_httpserver import HTTPServer

from shared.access import Caller, TokenVerifier, Unauthenticated, tokens
from shared.access.keys import FRESH_SECONDS, REST_SECONDS
from shared.settings import Settings
from tests.access.issuing import Key, claims
from tests.access.test_published_keys import PAGE, publish
from tests.factories import Org

SECRET = secrets.token_urlsafe(32)
START = 1_800_000_000


def signed(**changes: Any) -> str:
    return jwt.encode(claims(exp=START + 600) | changes, SECRET, algorithm="HS256")


@pytest.fixture
def verifier() -> TokenVerifier:
    return TokenVerifier(Settings(jwt_secret=SECRET))


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Returns the clock of the keys: a list of one number, which the test changes."""
    seconds = [1000.0]
    monkeypatch.setattr("shared.access.keys.monotonic", lambda: seconds[0])
    return seconds


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


def test_a_change_of_the_published_keys_ends_all_tokens_that_are_kept(httpserver: HTTPServer, at: list[float]) -> None:
    former, later = Key.make("ES256", "former"), Key.make("ES256", "later")
    publish(httpserver, former)
    verifier = TokenVerifier(Settings.model_validate({"jwks_url": httpserver.url_for(PAGE)}))
    withdrawn = former.sign(claims())
    verifier.verify(withdrawn)
    assert verifier.known(withdrawn) is None, "keys were fetched while it was verified"
    verifier.verify(withdrawn)
    assert verifier.known(withdrawn)
    publish(httpserver, later)
    at[0] += REST_SECONDS  # an unknown key id is looked for again at last
    verifier.verify(later.sign(claims()))
    assert verifier.known(withdrawn) is None
    with pytest.raises(Unauthenticated):
        verifier.verify(withdrawn)


@pytest.mark.parametrize("before", [1, 30])
def test_a_token_is_not_known_beyond_the_time_when_keys_are_fetched_again(
    httpserver: HTTPServer, at: list[float], before: int
) -> None:
    """A withdrawn key would otherwise be accepted for a minute longer than without kept tokens."""
    key = Key.make("ES256")
    publish(httpserver, key)
    verifier = TokenVerifier(Settings.model_validate({"jwks_url": httpserver.url_for(PAGE)}))
    with time_machine.travel(START, tick=False) as clock:
        first, second = (key.sign(claims(exp=START + 900, n=n)) for n in (1, 2))
        verifier.verify(first)
        at[0] += FRESH_SECONDS - before
        verifier.verify(second)
        clock.shift(before - 0.5)
        assert verifier.known(second)
        clock.shift(0.5)
        assert verifier.known(second) is None


def test_a_token_is_verified_once_and_its_requests_are_counted_each(org: Org, monkeypatch: pytest.MonkeyPatch) -> None:
    verified: list[str] = []
    counted: list[str] = []
    verify = org.parts.tokens.verify

    def note(token: str) -> Caller:
        verified.append(token)
        return verify(token)

    monkeypatch.setattr(org.parts.tokens, "verify", note)
    monkeypatch.setattr(org.parts.shares.rate, "count", counted.append)
    client = org.client()
    assert {client.get("/v1/me").status_code for _ in range(3)} == {200}
    assert (len(verified), counted) == (1, [org.id] * 3)
