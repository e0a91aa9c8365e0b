"""The credential before verifiers that know nothing of us: a JWT library of others, our published keys, the standard's
shape. And the certificate: who may have it, and what it says.
"""

import base64
import dataclasses
import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import segno
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, SECP384R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from fastapi.testclient import TestClient
from joserfc import jwt
from joserfc.errors import BadSignatureError, InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet

from api.app import create_app
from api.console.pages import HEADERS
from shared import settings
from shared.access import Permission
from shared.licences import grouped
from shared.settings import BadSettings
from tests.assignments.links import anybody
from tests.drain import Workshop
from tests.factories import Org
from tests.verification.holding import GRANTED_AT, NAME, PARTY, Held, hold

pytestmark = pytest.mark.filterwarnings("ignore:EdDSA is deprecated")  # by RFC 9864; verifiers have yet to hear of it

SHAPE = json.loads(Path(__file__).with_name("open_badge.json").read_text())
PUBLIC_URL = "https://training.example"
EXPIRES_AT = datetime(2099, 1, 31, 9, 30, 15, 900_000, tzinfo=UTC)


def pem(private: Any) -> str:
    text: bytes = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return text.decode()


KEYS = {"ES256": pem(generate_private_key(SECP256R1())), "Ed25519": pem(Ed25519PrivateKey.generate())}


def configured(org: Org, key: str | None) -> Org:
    """The same organization, served by a deployment with this key."""
    changed = org.parts.settings.model_copy(update={"credential_key": key, "public_url": PUBLIC_URL})
    parts = dataclasses.replace(org.parts, settings=changed)
    return dataclasses.replace(org, app=create_app(parts), parts=parts)


@pytest.fixture
def held(org: Org, workshop: Workshop) -> Held:
    return hold(configured(org, KEYS["ES256"]), workshop, expires_at=EXPIRES_AT)


@pytest.fixture
def visitor(held: Held) -> TestClient:
    return anybody(held.org)


def read(answer: Any) -> str:
    assert answer.status_code == 200, answer.text
    text: str = answer.text
    return text


def published(visitor: TestClient) -> KeySet:
    return KeySet.import_key_set(visitor.get("/.well-known/jwks.json").json())


def verified(text: str, keys: KeySet) -> jwt.Token:
    """What the other library makes of it. Raises JoseError."""
    return jwt.decode(text, keys, algorithms=["ES256", "EdDSA"])


# --- the credential


@pytest.mark.parametrize("key", KEYS)
def test_another_library_verifies_it_by_the_published_keys(org: Org, workshop: Workshop, key: str) -> None:
    held = hold(configured(org, KEYS[key]), workshop, expires_at=EXPIRES_AT)
    answer = held.get("credential")
    assert answer.headers["Content-Type"] == "application/vc+jwt"
    assert answer.headers["Cache-Control"] == "no-store"
    keys = published(anybody(held.org))
    token = verified(read(answer), keys)
    assert token.header == {
        "alg": "ES256" if key == "ES256" else "EdDSA",
        "typ": "JWT",
        "kid": keys.keys[0].kid,
    }
    assert token.header["kid"].startswith(f"{PUBLIC_URL}/.well-known/jwks.json#")
    assert token.header["kid"].endswith(f"#{keys.keys[0].thumbprint()}")


def test_no_private_part_of_a_key_is_published(held: Held, visitor: TestClient) -> None:
    answer = visitor.get("/.well-known/jwks.json")
    (key,) = answer.json()["keys"]
    assert set(key) == {"crv", "kty", "x", "y", "kid", "use", "alg"}
    assert answer.headers["Access-Control-Allow-Origin"] == "*"


def test_one_that_was_changed_does_not_verify(held: Held, visitor: TestClient) -> None:
    text, keys = read(held.get("credential")), published(visitor)
    header, body, signature = text.split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=="))
    claims["validUntil"] = "2199-01-31T09:30:15Z"
    changed = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    with pytest.raises(BadSignatureError):
        verified(f"{header}.{changed}.{signature}", keys)
    nobody = base64.urlsafe_b64encode(b'{"alg":"none"}').decode().rstrip("=")
    with pytest.raises(JoseError):
        verified(f"{nobody}.{body}.", keys)
    elsewhere = configured(held.org, pem(generate_private_key(SECP256R1())))
    with pytest.raises((InvalidKeyIdError, BadSignatureError, ValueError)):
        verified(text, published(anybody(elsewhere)))


def test_it_has_the_shape_and_the_facts(held: Held, visitor: TestClient) -> None:
    claims = verified(read(held.get("credential")), published(visitor)).claims
    jsonschema.validate(claims, SHAPE, format_checker=jsonschema.FormatChecker())
    subject, issuer = claims["credentialSubject"], claims["issuer"]
    assert claims["name"] == "Hydrogen-sulfide response v3.2"
    assert subject["identifier"][0]["identityHash"] == NAME
    assert (subject["achievement"]["version"], issuer["name"]) == ("v3.2", "Test")
    assert (claims["validFrom"], claims["validUntil"]) == ("2026-01-31T09:30:15Z", "2099-01-31T09:30:15Z")
    assert visitor.get(issuer["id"].removeprefix(PUBLIC_URL)).json() == issuer
    told = str({name: value for name, value in claims.items() if name != "issuer"})
    for secret in ("marked", PARTY, str(held.id), held.org.id):
        assert secret not in told.replace(issuer["id"], "")


def test_the_claims_repeat_the_credential(held: Held, visitor: TestClient) -> None:
    """As verifiers must check, by the standard's section on the JWT proof format."""
    claims = verified(read(held.get("credential")), published(visitor)).claims
    assert claims["iss"] == claims["issuer"]["id"]
    assert claims["jti"] == claims["id"]
    assert claims["sub"] == claims["credentialSubject"]["id"]
    for seconds, at in (("nbf", "validFrom"), ("exp", "validUntil")):
        assert datetime.fromtimestamp(claims[seconds], UTC) == datetime.fromisoformat(claims[at])
    assert claims["nbf"] == int(GRANTED_AT.timestamp())


def test_the_shape_refuses_what_misses_something(held: Held, visitor: TestClient) -> None:
    claims = verified(read(held.get("credential")), published(visitor)).claims
    for name in SHAPE["required"]:
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({key: value for key, value in claims.items() if key != name}, SHAPE)


def test_replaced_keys_stay_published_and_what_they_signed_good(held: Held) -> None:
    before = read(held.get("credential"))
    org = configured(held.org, KEYS["Ed25519"] + KEYS["ES256"])
    keys = published(anybody(org))
    after = read(dataclasses.replace(held, org=org).get("credential"))
    assert [verified(text, keys).header["alg"] for text in (before, after)] == ["ES256", "EdDSA"]


# --- its status


def status(text: str, visitor: TestClient) -> tuple[str, list[dict[str, Any]]]:
    """The credential's id, and what its status address lists."""
    claims = verified(text, published(visitor)).claims
    answer = visitor.get(claims["credentialStatus"]["id"].removeprefix(PUBLIC_URL))
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")
    listed = answer.json()
    assert (listed["id"], listed["issuer"]) == (claims["credentialStatus"]["id"], claims["iss"])
    return claims["id"], listed["revokedCredentials"]


def test_only_a_revoked_one_is_listed(held: Held, visitor: TestClient) -> None:
    text = read(held.get("credential"))
    assert status(text, visitor)[1] == []
    held.change(superseded_at=GRANTED_AT + timedelta(days=30))
    assert status(text, visitor)[1] == []
    held.change(revoked_at=GRANTED_AT + timedelta(days=31), revocation_reason="marked reason")
    credential_id, (entry,) = status(text, visitor)
    assert (entry["id"], entry["revoked"]) == (credential_id, True)
    assert "marked" not in str(entry)


def test_one_that_promises_too_late_an_end_is_revoked_and_the_next_is_not(held: Held, visitor: TestClient) -> None:
    before = read(held.get("credential"))
    held.change(expires_at=EXPIRES_AT - timedelta(days=365))
    after = read(held.get("credential"))
    credential_id, (entry,) = status(before, visitor)
    assert entry["id"] == credential_id
    assert status(after, visitor) == (verified(after, published(visitor)).claims["jti"], [])
    held.change(expires_at=EXPIRES_AT)
    assert status(before, visitor)[1] == []


@pytest.mark.parametrize("until", ["", "x", "-1", "9" * 30, "NaN"])
def test_a_status_of_nonsense_is_refused(held: Held, visitor: TestClient, until: str) -> None:
    assert visitor.get(f"{held.path}/status", params={"until": until}).status_code == 422
    assert visitor.get("/verify/0000000000000000/status?until=1").status_code == 404


def test_a_revoked_licence_gives_out_no_credential(held: Held) -> None:
    held.change(revoked_at=GRANTED_AT + timedelta(days=1))
    refused = held.get("credential")
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:rollcall:problem:licence-revoked")


# --- without a key, or with a bad one


def test_without_a_key_it_says_what_to_set(held: Held) -> None:
    without = configured(held.org, None)
    refused = dataclasses.replace(held, org=without).get("credential")
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:rollcall:problem:credentials-not-configured")
    assert "ROLLCALL_CREDENTIAL_KEY" in refused.json()["detail"]
    visitor = anybody(without)
    assert visitor.get("/.well-known/jwks.json").json() == {"keys": []}
    assert visitor.get(f"/issuers/{held.org.id}").status_code == 404


def test_an_organization_that_is_not_here_issues_nothing(visitor: TestClient) -> None:
    unknown = visitor.get("/issuers/nobody")
    assert (unknown.status_code, unknown.headers["Content-Type"]) == (404, "application/problem+json")
    assert visitor.get("/issuers/no%00body").status_code == 422


def test_a_key_may_stand_on_one_line(held: Held) -> None:
    one_line = KEYS["ES256"].replace("\n", "\\n")
    assert settings.read({"ROLLCALL_CREDENTIAL_KEY": one_line}).credential_key == KEYS["ES256"]
    assert settings.read({"ROLLCALL_CREDENTIAL_KEY": ""}).credential_key is None


RSA_LIKE = "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n"
OTHER_CURVE = pem(generate_private_key(SECP384R1()))


@pytest.mark.parametrize("key", ["secret", RSA_LIKE, OTHER_CURVE])
def test_a_key_that_cannot_sign_stops_the_start(key: str) -> None:
    with pytest.raises(BadSettings, match="ROLLCALL_CREDENTIAL_KEY cannot be used: it must be") as refused:
        settings.read({"ROLLCALL_CREDENTIAL_KEY": key})
    assert "c2VjcmV0" not in str(refused.value)


# --- who may have them


@pytest.mark.parametrize("what", ["certificate", "credential"])
def test_who_sees_the_licence_may_have_it(held: Held, other_org: Org, what: str) -> None:
    def asked(*permissions: Permission, **caller: Any) -> int:
        client = held.org.stranger()
        client.headers["Authorization"] = f"Bearer {held.org.token(*permissions, **caller)}"
        answer: int = client.get(f"/v1/licences/{held.id}/{what}").status_code
        return answer

    assert asked(Permission.VIEW) == asked(Permission.ADMIN) == 200
    assert asked(Permission.ASSIGN) == 403
    assert asked(Permission.VIEW, folders=["crew"]) == 200
    assert asked(Permission.VIEW, folders=["office"]) == 404
    assert asked(party=PARTY) == 200
    assert asked(party=PARTY, folders=["office"]) == 200
    assert asked(party="crew-2") == 403
    assert asked() == 403
    assert anybody(held.org).get(f"/v1/licences/{held.id}/{what}").status_code == 401
    assert other_org.client().get(f"/v1/licences/{held.id}/{what}").status_code == 404


# --- the certificate


def test_the_certificate_says_what_the_licence_is(held: Held) -> None:
    answer = held.get("certificate")
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert answer.headers.items() >= {name.lower(): value for name, value in HEADERS.items()}.items()
    page = read(answer)
    facts = (NAME, "Hydrogen-sulfide response", "v3.2", ">Test<", "31 January 2026", "31 January 2099")
    for text in (*facts, grouped(held.code), f'href="{PUBLIC_URL}/verify"', "<svg"):
        assert text in page
    (drawn,) = re.findall(r'd="([^"]+)"', segno.make(PUBLIC_URL + held.path, error="m").svg_inline(border=0))
    assert drawn in page
    assert "<script" not in page
    assert "style=" not in page  # which the policy would forbid
    assert 'class="stamp"' not in page


@pytest.mark.parametrize(
    ("field", "text"), [("expires_at", "Expired on"), ("revoked_at", "Revoked on"), ("superseded_at", "Replaced on")]
)
def test_a_certificate_of_what_has_ended_says_so(held: Held, field: str, text: str) -> None:
    held.change(**{field: GRANTED_AT + timedelta(days=31)})
    assert f"{text} 3 March 2026" in read(held.get("certificate"))
