"""Tokens signed by a provider that publishes its keys: which are accepted, and what a flood or an outage does."""

import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from threading import Event
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from fastapi.testclient import TestClient
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from api.app import create_app
from api.http.parts import Parts
from shared.access import TokenVerifier, Unauthenticated
from shared.access.keys import FRESH_SECONDS, REST_AFTER_FAILURE_SECONDS, REST_SECONDS
from shared.errors import Unavailable
from shared.settings import BadSettings, Settings, read
from tests.access.issuing import Key, claims, signed_with_a_secret, unsigned

PAGE = "/keys.json"
KEY = Key.make("RS256")
ELLIPTIC = Key.make("ES256", "key-2")


@pytest.fixture
def provider(httpserver: HTTPServer) -> Settings:
    """Returns the settings of a service that trusts a provider which publishes KEY."""
    publish(httpserver, KEY)
    return Settings.model_validate({"jwks_url": httpserver.url_for(PAGE)})


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Returns the clock of the key cache: a list of one number, which the test changes."""
    at = [1000.0]
    monkeypatch.setattr("shared.access.keys.monotonic", lambda: at[0])
    return at


def publish(server: HTTPServer, *keys: Key) -> None:
    """Publish these keys, and restart the count of fetches."""
    server.clear()
    server.expect_request(PAGE).respond_with_json({"keys": [key.published for key in keys]})


def fail(server: HTTPServer) -> None:
    """Let fetches fail, and restart their count."""
    server.clear()
    server.expect_request(PAGE).respond_with_data("not now", 500)


# --- which tokens are accepted


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "EdDSA"])
def test_each_algorithm_of_public_keys_is_accepted(httpserver: HTTPServer, provider: Settings, algorithm: str) -> None:
    key = Key.make(algorithm, "key-3")
    publish(httpserver, KEY, key)
    assert TokenVerifier(provider).verify(key.sign(claims())).org_id == "org-1"


def test_an_algorithm_that_is_not_pinned_is_refused(httpserver: HTTPServer, provider: Settings) -> None:
    publish(httpserver, KEY, ELLIPTIC)
    verifier = TokenVerifier(provider.model_copy(update={"jwt_algorithms": ("ES256",)}))
    assert verifier.verify(ELLIPTIC.sign(claims())).org_id == "org-1"
    with pytest.raises(Unauthenticated):
        verifier.verify(KEY.sign(claims()))


def test_a_published_key_does_not_verify_an_hs256_token(provider: Settings) -> None:
    """An old attack: HS256 with the public key, which everybody can read, as the secret."""
    verifier, public = TokenVerifier(provider), KEY.private.public_key()
    for encoding in (Encoding.PEM, Encoding.DER):
        secret = public.public_bytes(encoding, PublicFormat.SubjectPublicKeyInfo)
        with pytest.raises(Unauthenticated):
            verifier.verify(signed_with_a_secret(secret, kid=KEY.kid))


@pytest.mark.parametrize(
    "token",
    [
        "garbage",
        unsigned(),
        Key.make("RS256").sign(claims()),
        ELLIPTIC.sign(claims(), kid=KEY.kid),
        KEY.sign(claims(aud="payroll")),
        KEY.sign(claims(exp=1)),
        KEY.sign(claims(org=None)),
    ],
    ids=["garbage", "alg-none", "wrong-key", "wrong-kind-of-key", "wrong-audience", "expired", "no-organization"],
)
def test_a_token_that_is_not_the_providers_is_refused(provider: Settings, token: str) -> None:
    with pytest.raises(Unauthenticated):
        TokenVerifier(provider).verify(token)


def test_secrets_and_published_keys_are_never_mixed(provider: Settings) -> None:
    with pytest.raises(BadSettings, match="JWT_ALGORITHMS"):
        read({"ROLLCALL_JWKS_URL": str(provider.jwks_url), "ROLLCALL_JWT_ALGORITHMS": "RS256,HS256"})
    secret = secrets.token_urlsafe(32)
    both = TokenVerifier(provider.model_copy(update={"jwt_secret": secret}))
    with pytest.raises(Unauthenticated):
        both.verify(signed_with_a_secret(secret.encode(), kid=KEY.kid))


# --- how often keys are fetched


def test_a_flood_of_unknown_key_ids_asks_the_provider_once_in_30_seconds(
    httpserver: HTTPServer, provider: Settings, clock: list[float]
) -> None:
    verifier = TokenVerifier(provider)
    for _ in range(2):
        for _ in range(200):
            with pytest.raises(Unauthenticated):
                verifier.verify(KEY.sign(claims(), kid=secrets.token_hex(4)))
            clock[0] += REST_SECONDS / 200 - 0.001
        assert verifier.verify(KEY.sign(claims())).org_id == "org-1"
        assert len(httpserver.log) == 1
        httpserver.clear_log()
        clock[0] += 1


def test_a_new_key_is_found_and_a_withdrawn_one_forgotten(
    httpserver: HTTPServer, provider: Settings, clock: list[float]
) -> None:
    verifier, new = TokenVerifier(provider), replace(KEY, kid="key-new")
    verifier.verify(KEY.sign(claims()))
    publish(httpserver, new)
    clock[0] += REST_SECONDS
    assert verifier.verify(new.sign(claims())).org_id == "org-1"
    with pytest.raises(Unauthenticated):
        verifier.verify(KEY.sign(claims()))


def test_keys_are_cached_until_they_are_stale(httpserver: HTTPServer, provider: Settings, clock: list[float]) -> None:
    verifier = TokenVerifier(provider)
    for _ in range(2):
        verifier.verify(KEY.sign(claims()))
        clock[0] += FRESH_SECONDS - 1
    assert len(httpserver.log) == 1
    clock[0] += 1
    verifier.verify(KEY.sign(claims()))
    assert len(httpserver.log) == 2


# --- while the provider is unreachable


@pytest.mark.parametrize("page", ["not json", "[]", '{"keys": []}', '{"keys": [{"kty": "RSA"}]}'])
def test_a_page_without_keys_counts_as_an_outage_of_the_provider(
    httpserver: HTTPServer, provider: Settings, page: str
) -> None:
    httpserver.clear()
    httpserver.expect_request(PAGE).respond_with_data(page)
    with pytest.raises(Unavailable):
        TokenVerifier(provider).verify(KEY.sign(claims()))


def test_fetched_keys_stay_valid_in_an_outage_and_the_provider_is_asked_every_2_seconds(
    httpserver: HTTPServer, provider: Settings, clock: list[float]
) -> None:
    verifier = TokenVerifier(provider)
    verifier.verify(KEY.sign(claims()))
    fail(httpserver)
    clock[0] += FRESH_SECONDS
    for _ in range(20):
        assert verifier.verify(KEY.sign(claims())).org_id == "org-1"
        with pytest.raises(Unavailable):
            verifier.verify(KEY.sign(claims(), kid="key-new"))
    assert len(httpserver.log) == 1
    clock[0] += REST_AFTER_FAILURE_SECONDS
    verifier.verify(KEY.sign(claims()))
    assert len(httpserver.log) == 2


def test_a_token_with_a_known_key_does_not_wait_for_a_hung_provider(
    httpserver: HTTPServer, provider: Settings, clock: list[float]
) -> None:
    verifier = TokenVerifier(provider)
    verifier.verify(KEY.sign(claims()))
    asked, go_on = Event(), Event()

    def hang(_: Request) -> Response:
        asked.set()
        go_on.wait(2)
        return Response(status=500)

    httpserver.clear()
    httpserver.expect_request(PAGE).respond_with_handler(hang)
    clock[0] += FRESH_SECONDS
    with ThreadPoolExecutor(1) as pool:
        unlucky = pool.submit(verifier.verify, KEY.sign(claims(), kid="key-new"))
        assert asked.wait(10)
        assert verifier.verify(KEY.sign(claims())).org_id == "org-1"
        assert not unlucky.done()
        go_on.set()
        assert isinstance(unlucky.exception(10), Unavailable)


def test_a_request_is_answered_503_with_retry_after_while_no_keys_are_known(parts: Parts, provider: Settings) -> None:
    with answering(parts, "http://127.0.0.1:9/keys.json") as client:
        answer = client.get("/v1/me", headers={"Authorization": f"Bearer {KEY.sign(claims())}"})
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
    assert answer.json()["type"] == "urn:rollcall:problem:unavailable"


@contextmanager
def answering(parts: Parts, jwks_url: str) -> Iterator[TestClient]:
    """Open a client of the application that trusts the provider at this address."""
    settings: Any = parts.settings.model_copy(update={"jwks_url": jwks_url})
    yield TestClient(create_app(replace(parts, settings=settings, tokens=TokenVerifier(settings))))
