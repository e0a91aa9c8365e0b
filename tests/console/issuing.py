"""An issuer of OpenID Connect on 127.0.0.1 that is as strict as it may be, and signs whatever a test wants it to.

`oidc-provider-mock` is the second issuer of these tests: written by others, but it accepts a wrong PKCE verifier.
"""

import base64
import hashlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

from fastapi.testclient import TestClient
from sqlalchemy import select

from shared import clock
from shared.access import Binding, Caller, MappingChange, Permission, SignIn, SignInIssuer
from shared.services import sign_in_mapping
from tests.access.issuing import Key
from tests.factories import Org

CLIENT, SECRET = "rollcall", "the client's own secret: 100% of it"

Changing = Callable[[dict[str, Any]], None]


@dataclass
class Issuer:
    """A running issuer. key: signs. asked: the forms that its token endpoint got. away: it answers 503.

    claims: what it says of the person who signs in. change: changes the claims of the next ID tokens.
    """

    address: str
    key: Key = field(default_factory=lambda: Key.make("ES256"))
    claims: dict[str, Any] = field(default_factory=lambda: {"sub": "ada", "name": "Ada Lindqvist", "groups": ["crew"]})
    change: Changing = lambda claims: None
    sign: Callable[[dict[str, Any]], str] | None = None
    described: dict[str, Any] = field(default_factory=dict)
    asked: list[dict[str, str]] = field(default_factory=list)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    secret: str | None = SECRET
    away: bool = False

    def log_in(self, address: str) -> dict[str, str]:
        """Be the person who signs in at the address of an authorization request. Return the answer to bring back."""
        assert address.startswith(f"{self.address}/authorize?")
        asked = dict(parse_qsl(urlsplit(address).query))
        assert (asked["response_type"], asked["client_id"]) == ("code", CLIENT)
        assert asked["code_challenge_method"] == "S256"
        code = f"code-{len(self.codes)}"
        self.codes[code] = asked
        return {"code": code, "state": asked["state"]}

    def id_token(self, nonce: str) -> str:
        """Return an ID token about the person."""
        now = int(time.time())
        claims = {"iss": self.address, "aud": CLIENT, "iat": now, "exp": now + 300, "auth_time": now, "nonce": nonce}
        said = claims | self.claims
        self.change(said)
        return (self.sign or self.key.sign)(said)

    def logout_token(self, **changes: Any) -> str:
        """Return a logout token about the person, with these changes; a claim changed to None is left out."""
        now = int(time.time())
        event: dict[str, Any] = {"http://schemas.openid.net/event/backchannel-logout": {}}
        claims = {"iss": self.address, "aud": CLIENT, "iat": now, "exp": now + 120, "sub": "ada", "events": event}
        said = claims | {
            "jti": base64.b64encode(hashlib.sha256(str(time.perf_counter_ns()).encode()).digest()).decode()
        }
        return self.key.sign({name: value for name, value in (said | changes).items() if value is not None})

    def answer(self, path: str, form: dict[str, str], login: str | None) -> tuple[int, Any]:
        """Return the status and the JSON for a request."""
        if self.away:
            return 503, {}
        if path == "/.well-known/openid-configuration":
            names = {"authorization": "authorize", "token": "token", "end_session": "out"}
            said = {f"{name}_endpoint": f"{self.address}/{at}" for name, at in names.items()}
            return 200, {"issuer": self.address, "jwks_uri": f"{self.address}/keys"} | said | self.described
        if path == "/keys":
            return 200, {"keys": [self.key.published]}
        return self._exchanged(form, login) if path == "/token" else (404, {})

    def _exchanged(self, form: dict[str, str], login: str | None) -> tuple[int, Any]:
        self.asked.append(form)
        given = self.codes.pop(form.get("code", ""), None)
        expected = None
        if self.secret is not None:
            encoded = self.secret.replace("%", "%25").replace("'", "%27").replace(":", "%3A").replace(" ", "+")
            expected = "Basic " + base64.b64encode(f"{CLIENT}:{encoded}".encode()).decode()
        if given is None or login != expected or form["redirect_uri"] != given["redirect_uri"]:
            return 400, {"error": "invalid_grant"}
        challenge = base64.urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest()).decode()
        if challenge.rstrip("=") != given["code_challenge"]:
            return 400, {"error": "invalid_grant"}
        return 200, {"token_type": "Bearer", "access_token": "x", "id_token": self.id_token(given["nonce"])}


@contextmanager
def issuer() -> Iterator[Issuer]:
    """Run an issuer for the time of the block."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            form = {name: values[0] for name, values in parse_qs(self.rfile.read(length).decode()).items()}
            asked = urlsplit(self.path)
            status, said = running.answer(asked.path, form, self.headers.get("Authorization"))
            if asked.path == "/authorize":  # a browser comes by itself
                answer = urlencode(running.log_in(f"{running.address}{self.path}"))
                status, said = 303, f"{dict(parse_qsl(asked.query))['redirect_uri']}?{answer}"
            body = json.dumps(said).encode()
            self.send_response(status)
            if status == 303:
                self.send_header("Location", said)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    running = Issuer(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield running
    finally:
        server.shutdown()
        server.server_close()


def bind(org: Org, running: Issuer, **changes: Any) -> SignInIssuer:
    """Bind the issuer to an organization, with a mapping that gives its group `crew` the right to see."""
    given = {"name": "id", "administrators": "admins", **changes}
    with org.transaction() as db:
        binding = Binding(running.address, CLIENT, **given)
        bound = sign_in_mapping.bind_issuer(db, org.parts.settings, binding, running.secret)
    remap(org, bound, {"crew": ["training.view"], "admins": ["training.admin", "training.view"]})
    return bound


def remap(
    org: Org,
    bound: SignInIssuer,
    groups: dict[str, list[str]],
    folders: dict[str, list[str]] | None = None,
    **changes: Any,
) -> None:
    """Replace the mapping of an issuer, as somebody with every permission. groups, folders: what each group gives."""
    editor = Caller(org.id, "operator", frozenset(Permission))
    with org.transaction() as db:
        version = sign_in_mapping.get_mapping(db, editor, bound.id).issuer.version
        said = {
            "version": version,
            "groupsClaim": "groups",
            "groups": [
                {"group": name, "permissions": given, "folders": (folders or {}).get(name)}
                for name, given in groups.items()
            ],
        }
        change = MappingChange.model_validate_json(json.dumps(said | changes))
        sign_in_mapping.change_mapping(db, editor, bound.id, change, clock.now())


def browser_of(org: Org) -> TestClient:
    """Return a browser that is not signed in."""
    return TestClient(org.app, raise_server_exceptions=False, follow_redirects=False)


def begin(browser: TestClient, org: Org, bound: SignInIssuer, **query: str) -> str:
    """Begin an attempt. Return the address to which it leads."""
    asked = {"organization": org.id, "issuer": str(bound.id), **query}
    answer = browser.get("/sign-in/start", params=asked)
    assert answer.status_code == 303, answer.text
    return answer.headers["Location"]


def sign_in(browser: TestClient, org: Org, bound: SignInIssuer, running: Issuer, **query: str) -> Any:
    """Sign in from beginning to end. Return the last answer."""
    return browser.get("/sign-in/callback", params=running.log_in(begin(browser, org, bound, **query)))


def rows(org: Org) -> list[SignIn]:
    """Return the sign-ins of an organization."""
    with org.transaction() as db:
        return list(db.scalars(select(SignIn).order_by(SignIn.id)))


def is_refused(answer: Any, *texts: str) -> bool:
    """True for a page that says why somebody was not signed in."""
    assert "rollcall=" not in answer.headers.get("Set-Cookie", "").replace("rollcall-attempt", "")
    return (
        answer.status_code == 403
        and "could not be signed in" in answer.text
        and all(one in answer.text for one in texts)
    )
