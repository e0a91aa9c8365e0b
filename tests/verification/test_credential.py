"""The credential, verified with another JWT library, the published keys and the standard's schema; the certificate."""

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
from fastapi import FastAPI
from fastapi.testclient import TestClient
from joserfc import jwt
from joserfc.errors import BadSignatureError, InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet

from api.app import create_app
from api.console.certificates import WITH_LOGO as HEADERS
from api.http.parts import Parts
from shared import settings
from shared.access import Permission
from shared.licences import grouped
from shared.settings import BadSettings
from tests.assignments.links import anybody
from tests.drain import InProcessWorker
from tests.factories import Org
from tests.verification.holding import GRANTED_AT, NAME, PARTY, Held, hold

pytestmark = pytest.mark.filterwarnings(
    "ignore:EdDSA is deprecated"
)  # RFC 9864 deprecates it; verifiers still expect it

SHAPE = json.loads(Path(__file__).with_name("open_badge.json").read_text())
PUBLIC_URL = "https://training.example"
EXPIRES_AT = datetime(2099, 1, 31, 9, 30, 15, 900_000, tzinfo=UTC)


def pem(private: Any) -> str:
    text: bytes = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return text.decode()


KEYS = {"ES256": pem(generate_private_key(SECP256R1())), "Ed25519": pem(Ed25519PrivateKey.generate())}
SERVED: dict[str | None, tuple[Parts, FastAPI]] = {}  # by key; an application's first request takes half a second


def configured(org: Org, key: str | None) -> Org:
    """Returns the same organization, served by a deployment with this key."""
    if key not in SERVED:
        changed = org.parts.settings.model_copy(update={"credential_key": key, "public_url": PUBLIC_URL})
        parts = dataclasses.replace(org.parts, settings=changed)
        SERVED[key] = parts, create_app(parts)
    return dataclasses.replace(org, app=SERVED[key][1], parts=SERVED[key][0])


@pytest.fixture
def held(org: Org, worker: InProcessWorker) -> Held:
    return hold(configured(org, KEYS["ES256"]), worker, expires_at=EXPIRES_AT)


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
    """Returns the credential as the other library reads it. Raises JoseError if it does not verify."""
    return jwt.decode(text, keys, algorithms=["ES256", "EdDSA"])


# --- the credential


@pytest.mark.parametrize("key", KEYS)
def test_others_verify_the_credential_with_the_published_keys(org: Org, worker: InProcessWorker, key: str) -> None:
    held = hold(configured(org, KEYS[key]), worker, expires_at=EXPIRES_AT)
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


def test_a_changed_credential_does_not_verify(held: Held, visitor: TestClient) -> None:
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


def test_the_credential_has_the_standard_shape_and_the_facts_of_the_licence(held: Held, visitor: TestClient) -> None:
    claims = verified(read(held.get("credential")), published(visitor)).claims
    jsonschema.validate(claims, SHAPE, format_checker=jsonschema.FormatChecker())
    subject, issuer = claims["credentialSubject"], claims["issuer"]
    assert claims["name"] == "Hydrogen-sulfide response v3.2"
    assert subject["identifier"][0]["identityHash"] == NAME
    assert (subject["achievement"]["version"], issuer["name"]) == ("v3.2", "Test")
    assert (claims["validFrom"], claims["validUntil"]) == ("2026-01-31T09:30:15Z", "2099-01-31T09:30:15Z")
    assert visitor.get(issuer["id"].removeprefix(PUBLIC_URL)).json() == issuer
    text = str({name: value for name, value in claims.items() if name != "issuer"})
    for secret in ("marked", PARTY, str(held.id), held.org.id):
        assert secret not in text.replace(issuer["id"], "")


def test_the_jwt_claims_repeat_the_fields_of_the_credential(held: Held, visitor: TestClient) -> None:
    """The section of the standard about the JWT proof format requires verifiers to check this."""
    claims = verified(read(held.get("credential")), published(visitor)).claims
    assert claims["iss"] == claims["issuer"]["id"]
    assert claims["jti"] == claims["id"]
    assert claims["sub"] == claims["credentialSubject"]["id"]
    for seconds, at in (("nbf", "validFrom"), ("exp", "validUntil")):
        assert datetime.fromtimestamp(claims[seconds], UTC) == datetime.fromisoformat(claims[at])
    assert claims["nbf"] == int(GRANTED_AT.timestamp())


def test_the_schema_refuses_a_credential_without_a_required_field(held: Held, visitor: TestClient) -> None:
    claims = verified(read(held.get("credential")), published(visitor)).claims
    for name in SHAPE["required"]:
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({key: value for key, value in claims.items() if key != name}, SHAPE)


def test_credentials_of_a_replaced_key_still_verify(held: Held) -> None:
    before = read(held.get("credential"))
    org = configured(held.org, KEYS["Ed25519"] + KEYS["ES256"])
    keys = published(anybody(org))
    after = read(dataclasses.replace(held, org=org).get("credential"))
    assert [verified(text, keys).header["alg"] for text in (before, after)] == ["ES256", "EdDSA"]


# --- its status


def status(text: str, visitor: TestClient) -> tuple[str, list[dict[str, Any]]]:
    """Returns the id of a credential and the entries of its revocation list."""
    claims = verified(text, published(visitor)).claims
    answer = visitor.get(claims["credentialStatus"]["id"].removeprefix(PUBLIC_URL))
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")
    listed = answer.json()
    assert (listed["id"], listed["issuer"]) == (claims["credentialStatus"]["id"], claims["iss"])
    return claims["id"], listed["revokedCredentials"]


def test_only_a_revoked_credential_is_on_its_revocation_list(held: Held, visitor: TestClient) -> None:
    text = read(held.get("credential"))
    assert status(text, visitor)[1] == []
    held.change(superseded_at=GRANTED_AT + timedelta(days=30))
    assert status(text, visitor)[1] == []
    held.change(revoked_at=GRANTED_AT + timedelta(days=31), revocation_reason="marked reason")
    credential_id, (entry,) = status(text, visitor)
    assert (entry["id"], entry["revoked"]) == (credential_id, True)
    assert "marked" not in str(entry)


def test_a_credential_with_too_late_an_end_is_revoked_and_a_new_one_is_not(held: Held, visitor: TestClient) -> None:
    before = read(held.get("credential"))
    held.change(expires_at=EXPIRES_AT - timedelta(days=365))
    after = read(held.get("credential"))
    credential_id, (entry,) = status(before, visitor)
    assert entry["id"] == credential_id
    assert status(after, visitor) == (verified(after, published(visitor)).claims["jti"], [])
    held.change(expires_at=EXPIRES_AT)
    assert status(before, visitor)[1] == []


@pytest.mark.parametrize("until", ["", "x", "-1", "9" * 30, "NaN"])
def test_a_status_with_a_bad_end_is_refused(held: Held, visitor: TestClient, until: str) -> None:
    assert visitor.get(f"{held.path}/status", params={"until": until}).status_code == 422
    assert visitor.get("/verify/0000000000000000/status?until=1").status_code == 404


def test_a_revoked_licence_has_no_credential(held: Held) -> None:
    held.change(revoked_at=GRANTED_AT + timedelta(days=1))
    refused = held.get("credential")
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:rollcall:problem:licence-revoked")


# --- without a key, or with a bad one


def test_a_deployment_without_a_key_names_the_setting(held: Held) -> None:
    without = configured(held.org, None)
    refused = dataclasses.replace(held, org=without).get("credential")
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:rollcall:problem:credentials-not-configured")
    assert "ROLLCALL_CREDENTIAL_KEY" in refused.json()["detail"]
    visitor = anybody(without)
    assert visitor.get("/.well-known/jwks.json").json() == {"keys": []}
    assert visitor.get(f"/issuers/{held.org.id}").status_code == 404


def test_an_unknown_organization_has_no_issuer_profile(visitor: TestClient) -> None:
    unknown = visitor.get("/issuers/nobody")
    assert (unknown.status_code, unknown.headers["Content-Type"]) == (404, "application/problem+json")
    assert visitor.get("/issuers/no%00body").status_code == 422


def test_a_key_may_be_written_on_one_line(held: Held) -> None:
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


# --- who can get them


@pytest.mark.parametrize("what", ["certificate", "credential"])
def test_callers_that_see_a_licence_get_its_certificate_and_credential(held: Held, other_org: Org, what: str) -> None:
    def status_for(*permissions: Permission, **caller: Any) -> int:
        client = held.org.stranger()
        client.headers["Authorization"] = f"Bearer {held.org.token(*permissions, **caller)}"
        answer: int = client.get(f"/v1/licences/{held.id}/{what}").status_code
        return answer

    assert status_for(Permission.VIEW) == status_for(Permission.ADMIN) == 200
    assert status_for(Permission.ASSIGN) == 403
    assert status_for(Permission.VIEW, folders=["crew"]) == 200
    assert status_for(Permission.VIEW, folders=["office"]) == 404
    assert status_for(party=PARTY) == 200
    assert status_for(party=PARTY, folders=["office"]) == 200
    assert status_for(party="crew-2") == 403
    assert status_for() == 403
    assert anybody(held.org).get(f"/v1/licences/{held.id}/{what}").status_code == 401
    assert other_org.client().get(f"/v1/licences/{held.id}/{what}").status_code == 404


# --- the certificate


def test_the_certificate_has_the_facts_of_the_licence(held: Held) -> None:
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
    assert "style=" not in page  # the content security policy forbids it
    assert 'class="stamp"' not in page


@pytest.mark.parametrize(
    ("field", "text"), [("expires_at", "Expired on"), ("revoked_at", "Revoked on"), ("superseded_at", "Replaced on")]
)
def test_a_certificate_of_an_ended_licence_says_so(held: Held, field: str, text: str) -> None:
    held.change(**{field: GRANTED_AT + timedelta(days=31)})
    assert f"{text} 3 March 2026" in read(held.get("certificate"))
