"""From which pages, and under which names of the service, a request to a page may come."""

import dataclasses

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from api.app import create_app
from api.console.origins import LOOPBACK
from api.http.parts import Parts
from tests.console.probing import status
from tests.factories import Org

# --- other origins


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize(
    ("headers", "allowed"),
    [
        ({"Sec-Fetch-Site": "same-origin"}, True),
        ({"Sec-Fetch-Site": "none"}, True),
        ({"Sec-Fetch-Site": "same-site"}, False),
        ({"Sec-Fetch-Site": "cross-site"}, False),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "http://127.0.0.1:8000"}, False),
        ({"Sec-Fetch-Site": ""}, False),
        ({"Origin": "http://127.0.0.1:8000"}, True),
        ({"Origin": "https://127.0.0.1:8000"}, False),
        ({"Origin": "http://127.0.0.1:8001"}, False),
        ({"Origin": "https://elsewhere.example"}, False),
        ({"Origin": "null"}, False),
        ({"Origin": ""}, False),
        ({"Referer": "http://127.0.0.1:8000/jobs"}, False),
        ({}, False),
    ],
)
def test_a_page_refuses_to_change_anything_for_another_origin(
    home: Org, method: str, headers: dict[str, str], allowed: bool
) -> None:
    browser = home.visitor()
    del browser.headers["Sec-Fetch-Site"]
    assert status(browser, method, **headers) == (200 if allowed else 403)


def test_a_page_is_read_from_everywhere(home: Org) -> None:
    assert status(home.visitor(), **{"Sec-Fetch-Site": "cross-site"}) == 200


# --- other hosts


def on(app: FastAPI, address: str, port: int = 8000) -> TestClient:
    """Return a browser whose requests arrive at an address of the machine."""
    host = f"[{address}]" if ":" in address else address
    return TestClient(app, base_url=f"http://{host}:{port}", follow_redirects=False)


PAGES = ["/probe", "/", "/verify", "/s/x", "/sign-in"]


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_on_loopback_every_page_refuses_another_host(probes: FastAPI, path: str, address: str) -> None:
    browser = on(probes, address)
    for host in (
        "evil.example",
        "evil.example:8000",
        "127.0.0.1.evil.example:8000",
        "127.0.0.2:8000",
        "localhost.:8000",
        "",
    ):
        assert browser.get(path, headers={"Host": host}).status_code == 421, host
    for host in LOOPBACK:
        assert browser.get(path, headers={"Host": f"{host}:8000"}).status_code != 421, host


def test_behind_a_proxy_on_the_same_machine_pages_answer_under_the_public_name(parts: Parts) -> None:
    settings = parts.settings.model_copy(update={"public_url": "https://training.example.org"})
    browser = on(create_app(dataclasses.replace(parts, settings=settings)), "127.0.0.1")
    assert browser.get("/verify", headers={"Host": "training.example.org"}).status_code == 200
    assert browser.get("/verify", headers={"Host": "evil.example"}).status_code == 421


def test_a_page_on_another_address_answers_under_every_name(probes: FastAPI) -> None:
    assert on(probes, "10.0.0.7").get("/verify", headers={"Host": "anything.example"}).status_code == 200


def test_on_loopback_the_origin_may_have_another_port_than_the_public_address(home: Org) -> None:
    browser = on(home.app, "127.0.0.1", 8123)
    browser.cookies.set("rollcall", home.visitor().cookies["rollcall"])
    assert status(browser, "POST", Origin="http://127.0.0.1:8123") == 200
    assert status(browser, "POST", Origin="http://127.0.0.1:8124") == 403
