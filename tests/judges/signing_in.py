"""Signing in at an issuer that keeps to the letter of OpenID Connect (npm `oidc-provider`).

Other issuers of the tests do not: this one refuses a wrong PKCE verifier and an address that was not registered, names
its keys, and logs out over the back channel by itself. Part of `make judges`; skipped where npm has not installed it.
"""

import json
import re
import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit

import httpx2
import pytest
from fastapi.testclient import TestClient

from shared.access import Binding, SignInIssuer
from shared.services import sign_in_mapping
from tests.browser.conftest import site
from tests.console.issuing import begin, browser_of, is_refused, remap, rows
from tests.factories import Org
from tests.judges.judged import HERE, need, say

__all__ = ["site"]

SECRET = secrets.token_urlsafe(24)


@dataclass
class Strict:
    """A running issuer, bound to an organization. proofs: how often it asked who somebody is."""

    address: str
    bound: SignInIssuer
    user: httpx2.Client
    proofs: int = 0

    def log_in(self, address: str) -> dict[str, str]:
        """Log in as Ada at the issuer, on its own pages. Returns what it sends back to us."""
        answer = self.user.get(address)
        for _ in range(8):
            while answer.is_redirect:
                to = urljoin(str(answer.url), answer.headers["Location"])
                if not to.startswith(self.address):
                    return dict(parse_qsl(urlsplit(to).query))
                answer = self.user.get(to)
            form = re.search(r'<form[^>]+action="([^"]+)"', answer.text)
            assert form, answer.text
            said = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', answer.text))
            if said.get("prompt") == "login":
                said |= {"login": "ada", "password": "any"}
                self.proofs += 1
            answer = self.user.post(urljoin(str(answer.url), form[1]), data=said)
        raise AssertionError(f"the issuer asks on and on: {answer.text}")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
        return port


@pytest.fixture
def strict(org: Org, site: str) -> Iterator[Strict]:
    """The issuer as a process of its own, bound to the organization."""
    node = shutil.which("node")
    need(HERE / "node_modules" / "oidc-provider")
    assert node
    port, public = _free_port(), org.parts.settings.public_url
    config = {
        "port": port,
        "leftUri": f"{public}/sign-in?out=1",
        "redirectUri": f"{public}/sign-in/callback",
        "logoutUri": f"{site}/sign-in/logout/{org.id}",
        "secret": SECRET,
    }
    command = [node, str(HERE / "issuer.mjs"), json.dumps(config)]
    process = subprocess.Popen(command, cwd=HERE, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout
        address = process.stdout.readline().strip()
        assert address == f"http://127.0.0.1:{port}"
        with org.transaction() as db:
            binding = Binding(address, "rollcall", name="id", administrators="admins")
            bound = sign_in_mapping.bind_issuer(db, org.parts.settings, binding, SECRET)
        remap(org, bound, {"crew": ["training.view"]})
        with httpx2.Client() as user:
            yield Strict(address, bound, user)
    finally:
        assert process.stdin
        process.stdin.close()
        process.wait(20)


def signed_in(org: Org, strict: Strict) -> tuple[TestClient, Any]:
    """Sign in from beginning to end. Returns the browser and the last answer."""
    browser = browser_of(org)
    back = strict.log_in(begin(browser, org, strict.bound))
    return browser, browser.get("/sign-in/callback", params=back)


def within(seconds: float, condition: Callable[[], bool]) -> bool:
    """Wait until a condition holds. Returns False if it never did."""
    until = time.monotonic() + seconds
    while not (holds := condition()) and time.monotonic() < until:
        time.sleep(0.05)
    return holds


def test_a_strict_issuer_signs_a_person_in_and_logs_it_out(org: Org, strict: Strict) -> None:
    browser, answer = signed_in(org, strict)
    assert answer.status_code == 303, answer.text
    assert browser.get("/assignments").status_code == 200
    (begun,) = rows(org)
    assert (begun.member_id, begun.name, sorted(begun.permissions)) == ("id:ada", "Ada Lindqvist", ["training.view"])
    assert begun.provider_session, "it says which of its sessions this is"
    assert abs(begun.authenticated_at.timestamp() - time.time()) < 60
    left = browser.get("/sign-in/leave", params={"organization": org.id, "issuer": str(strict.bound.id)})
    page = strict.user.get(left.headers["Location"])
    form = re.search(r'<form[^>]+action="([^"]+)"', page.text)
    token = re.search(r'name="xsrf" value="([^"]+)"', page.text)
    assert form, page.text
    assert token, page.text
    strict.user.post(urljoin(strict.address, form[1]), data={"xsrf": token[1], "logout": "yes"})
    assert within(10, lambda: rows(org)[0].ended_at is not None), "the issuer posts a logout token"
    assert rows(org)[0].end_reason == "logged-out"
    assert browser.get("/assignments").status_code in (303, 401)
    say("oidc-provider", "signed in with PKCE, and logged out over the back channel")


def test_a_strict_issuer_refuses_the_code_of_another_attempt(org: Org, strict: Strict) -> None:
    first, second = browser_of(org), browser_of(org)
    stolen = strict.log_in(begin(first, org, strict.bound))
    own = dict(parse_qsl(urlsplit(begin(second, org, strict.bound)).query))
    answer = second.get("/sign-in/callback", params={**stolen, "state": own["state"]})
    assert is_refused(answer)
    assert rows(org) == []


def test_a_code_is_good_once(org: Org, strict: Strict) -> None:
    browser = browser_of(org)
    back = strict.log_in(begin(browser, org, strict.bound))
    kept = dict(browser.cookies)
    assert browser.get("/sign-in/callback", params=back).status_code == 303
    again = browser_of(org)
    again.cookies.update(kept)
    assert is_refused(again.get("/sign-in/callback", params=back))


def test_proving_again_asks_for_a_new_proof(org: Org, strict: Strict) -> None:
    browser, _ = signed_in(org, strict)
    address = begin(browser, org, strict.bound, again="true")
    asked = dict(parse_qsl(urlsplit(address).query))
    assert asked["prompt"] == "login"
    back = strict.log_in(f"{address.partition('?')[0]}?{urlencode(asked)}")
    answer = browser.get("/sign-in/callback", params=back)
    assert answer.status_code == 303, answer.text
    assert strict.proofs == 2
    former, begun = rows(org)
    assert begun.authenticated_at >= former.authenticated_at
    assert former.ended_at is not None
