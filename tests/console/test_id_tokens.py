"""Every claim of an ID token that must be checked, and every way to forge its signature: nobody is signed in."""

import time
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from fastapi import FastAPI

from api.http.parts import Parts
from shared.access import SignInIssuer
from tests.access.issuing import Key
from tests.console.issuing import CLIENT, SECRET, Issuer, bind, browser_of, is_refused, rows, sign_in
from tests.factories import Org, add_org

Change = Callable[[dict[str, Any]], None]


@pytest.fixture(scope="module")
def here(probes: FastAPI, parts: Parts, running: Issuer) -> tuple[Org, SignInIssuer]:
    """An organization and its issuer, for all tests of this file: most of them sign nobody in."""
    home = add_org(probes, parts)
    return home, bind(home, running)


@pytest.fixture
def home(here: tuple[Org, SignInIssuer]) -> Org:
    """The organization."""
    return here[0]


@pytest.fixture
def bound(here: tuple[Org, SignInIssuer]) -> SignInIssuer:
    """Its issuer."""
    return here[1]


def signs_nobody_in(home: Org, strict: Issuer, bound: SignInIssuer) -> bool:
    """True if signing in is refused as the tests of this file expect it, and leaves nothing."""
    before = len(rows(home))
    return (
        is_refused(sign_in(browser_of(home), home, bound, strict), "cannot be believed") and len(rows(home)) == before
    )


def change(**claims: Any) -> Change:
    """Return a change of claims; a claim changed to `...` is left out."""

    def apply(said: dict[str, Any]) -> None:
        said.update(claims)
        for name in [name for name, value in claims.items() if value is ...]:
            del said[name]

    return apply


def ago(seconds: int) -> int:
    """Return an instant in the past, in seconds since 1970."""
    return int(time.time()) - seconds


WRONG = {
    "another issuer": lambda: change(iss="https://other.example"),
    "no issuer": lambda: change(iss=...),
    "another audience": lambda: change(aud="other"),
    "no audience": lambda: change(aud=...),
    "an empty audience": lambda: change(aud=[]),
    "several audiences without azp": lambda: change(aud=[CLIENT, "other"]),
    "several audiences and another azp": lambda: change(aud=[CLIENT, "other"], azp="other"),
    "another azp": lambda: change(azp="other"),
    "azp null": lambda: change(azp=None),
    "another nonce": lambda: change(nonce="x" * 43),
    "no nonce": lambda: change(nonce=...),
    "a nonce that is no text": lambda: change(nonce=["x"]),
    "expired": lambda: change(exp=ago(31)),
    "no end": lambda: change(exp=...),
    "an end that is no time": lambda: change(exp="soon"),
    "issued in the future": lambda: change(iat=ago(-120)),
    "issued long ago": lambda: change(iat=ago(700)),
    "no time of issue": lambda: change(iat=...),
    "a time of issue that is no time": lambda: change(iat="now"),
    "not valid yet": lambda: change(nbf=ago(-120)),
    "no subject": lambda: change(sub=...),
    "an empty subject": lambda: change(sub=""),
    "a subject that is no text": lambda: change(sub=7),
    "a long subject": lambda: change(sub="x" * 256),
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG.keys())
def test_an_id_token_with_a_wrong_claim_signs_nobody_in(
    home: Org, strict: Issuer, bound: SignInIssuer, wrong: Callable[[], Change]
) -> None:
    strict.change = wrong()
    assert signs_nobody_in(home, strict, bound)


RIGHT = {
    "a list of one audience": lambda: change(aud=[CLIENT]),
    "several audiences and our azp": lambda: change(aud=[CLIENT, "other"], azp=CLIENT),
    "our azp": lambda: change(azp=CLIENT),
    "expired a moment ago": lambda: change(exp=ago(20)),
    "a clock that is ahead": lambda: change(iat=ago(-20)),
    "times with fractions": lambda: change(iat=time.time(), exp=time.time() + 60.5),
    "further claims": lambda: change(email="ada@example.com", acr="1", hd={"a": [1]}),
}


@pytest.mark.parametrize("right", RIGHT.values(), ids=RIGHT.keys())
def test_an_id_token_that_the_protocol_allows_signs_in(
    home: Org, strict: Issuer, bound: SignInIssuer, right: Callable[[], Change]
) -> None:
    strict.change = right()
    assert sign_in(browser_of(home), home, bound, strict).status_code == 303


OTHER = Key.make("ES256")


def _unsigned(claims: dict[str, Any]) -> str:
    return jwt.encode(claims, "", algorithm="none")


def _with_the_clients_secret(claims: dict[str, Any]) -> str:
    return jwt.encode(claims, SECRET, algorithm="HS256", headers={"kid": "key-1"})


def _by_another_key(claims: dict[str, Any]) -> str:
    return OTHER.sign(claims)


def _with_an_unknown_key_id(claims: dict[str, Any]) -> str:
    return OTHER.sign(claims, kid="key-2")


def _without_a_signature(claims: dict[str, Any]) -> str:
    return OTHER.sign(claims).rpartition(".")[0] + "."


def _no_token(_: dict[str, Any]) -> str:
    return "x.y.z"


@pytest.mark.parametrize(
    "forge",
    [
        _unsigned,
        _with_the_clients_secret,
        _by_another_key,
        _with_an_unknown_key_id,
        _without_a_signature,
        _no_token,
    ],
)
def test_a_forged_id_token_signs_nobody_in(
    home: Org, strict: Issuer, bound: SignInIssuer, forge: Callable[[dict[str, Any]], str]
) -> None:
    strict.sign = forge
    assert signs_nobody_in(home, strict, bound)


@pytest.mark.parametrize("algorithm", ["ES256", "RS256", "EdDSA"])
def test_the_pinned_algorithms_are_accepted(home: Org, strict: Issuer, bound: SignInIssuer, algorithm: str) -> None:
    strict.key = Key.make(algorithm)
    home.parts.providers.forget(strict.address)
    assert sign_in(browser_of(home), home, bound, strict).status_code == 303
    strict.sign = lambda claims: jwt.encode(claims, strict.key.private, algorithm=algorithm)  # no key id: the only key
    assert sign_in(browser_of(home), home, bound, strict).status_code == 303


def test_without_a_key_id_nothing_is_verified_with_one_of_several_keys(
    home: Org, strict: Issuer, bound: SignInIssuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.parts.providers.forget(strict.address)
    answer = strict.answer
    keys = {"keys": [strict.key.published, OTHER.published | {"kid": "key-2"}]}
    monkeypatch.setattr(strict, "answer", lambda path, *rest: (200, keys) if path == "/keys" else answer(path, *rest))
    strict.sign = lambda claims: jwt.encode(claims, strict.key.private, algorithm=strict.key.algorithm)
    assert signs_nobody_in(home, strict, bound)
    strict.sign = strict.key.sign
    assert sign_in(browser_of(home), home, bound, strict).status_code == 303


def test_a_huge_answer_or_no_json_signs_nobody_in(
    home: Org, strict: Issuer, bound: SignInIssuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = strict.answer
    for said in ({"id_token": "x" * 300_000}, ["id_token"], {"id_token": 7}, {}):
        monkeypatch.setattr(
            strict, "answer", lambda path, *rest, said=said: (200, said) if path == "/token" else answer(path, *rest)
        )
        assert is_refused(sign_in(browser_of(home), home, bound, strict)), str(said)[:40]
