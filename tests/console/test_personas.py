"""The page of the personas exists only in the demo, on the machine on which it runs; and one click is enough there."""

import dataclasses
import html
import re
import uuid
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import update

from api.console.origins import LOOPBACK
from api.http.parts import Parts
from shared import clock
from shared.access import RECENT_SIGN_IN, Caller, Permission, SignIn
from shared.demonstration import note_organization
from shared.jobs import KINDS
from shared.services.deciders import may_decide
from shared.services.personas import PERSONAS, Persona
from tests.console.probing import with_probes
from tests.factories import Org, add_org
from tests.feed import recorded

PORT = 8000


@pytest.fixture(scope="module")
def demo(parts: Parts, app: FastAPI, tmp_path_factory: pytest.TempPathFactory) -> Org:
    """The organization of a demo, with a party."""
    data_dir = tmp_path_factory.mktemp("data")
    made = dataclasses.replace(parts, embedded_in=data_dir)
    org = add_org(with_probes(made), made)
    note_organization(data_dir, org.id)
    org.with_parties("crew-1", "crew-2")
    return org


def browser(org: Org, host: str = "127.0.0.1", address: str | None = None, port: int = PORT) -> TestClient:
    """Return a browser on the machine. address: at which the connection arrives, if not that of the host."""
    client = TestClient(org.app, base_url=f"http://{address or host}:{port}", follow_redirects=False)
    client.headers |= {"Host": f"{host}:{port}", "Sec-Fetch-Site": "same-origin"}
    return client


def token_of(page: Any) -> str:
    """Return the token that the page has for its form."""
    found = re.search(r'name="token" value="([^"]+)"', page.text)
    assert found is not None, page.text
    return found[1]


def with_settings(org: Org, **settings: Any) -> Org:
    """Return the organization in a process with other settings."""
    made = dataclasses.replace(org.parts, settings=org.parts.settings.model_copy(update=settings))
    return dataclasses.replace(org, app=with_probes(made), parts=made)


def both(client: TestClient, token: str, **headers: str) -> list[int]:
    """Return the statuses of reading the page and of choosing on it."""
    form = {"token": token, "persona": "coordinator"}
    return [
        client.get("/personas", headers=headers).status_code,
        client.post("/personas", data=form, headers=headers).status_code,
    ]


# --- one click


@pytest.mark.parametrize("host", LOOPBACK)
def test_one_click_and_a_coordinator_is_inside(demo: Org, host: str) -> None:
    client = browser(demo, host, "127.0.0.1")
    page = client.get("/personas")
    assert all(one.title in page.text for one in PERSONAS)
    answer = client.post("/personas", data={"token": token_of(page), "persona": "coordinator", "next": "/probe"})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/probe")
    seen = client.get("/probe").json()
    assert (seen["member"], seen["name"], seen["transaction"]) == ("demo:coordinator", "Nadia Berg", demo.id)
    assert (seen["party"], seen["recent"]) == (None, True)
    assert "training.assign" in seen["permissions"]
    assert recorded(demo)[-1].type == "sign_in.begun"


def test_the_crew_persona_represents_a_party_and_has_no_permission(demo: Org) -> None:
    client = browser(demo)
    token = token_of(client.get("/personas"))
    client.post("/personas", data={"token": token, "persona": "party"})
    seen = client.get("/probe").json()
    assert (seen["party"], seen["name"], seen["permissions"]) == ("crew-1", "Party crew-1", [])


def caller_as(persona: Persona) -> Caller:
    return Caller("demo", f"demo:{persona.id}", persona.permissions)


@pytest.mark.parametrize("name", sorted(KINDS))
def test_what_one_persona_submits_another_one_may_approve(name: str) -> None:
    kind = KINDS[name]
    submitters = [one for one in PERSONAS if kind.needs in one.permissions]
    deciders = [one for one in submitters if may_decide(caller_as(one), kind)]
    assert submitters
    assert all(set(deciders) - {one} for one in submitters), "whose job nobody can approve"


def test_those_who_may_write_the_directory_are_the_coordinator_and_who_approves_its_merges() -> None:
    assert [one.id for one in PERSONAS] == ["coordinator", "approver", "staff", "auditor", "party"]
    assert [one.id for one in PERSONAS if Permission.SYNC_DIRECTORY in one.permissions] == ["coordinator", "approver"]


def test_an_unknown_persona_is_nobody(demo: Org) -> None:
    client = browser(demo)
    token = token_of(client.get("/personas"))
    for persona in ("admin", "", "demo:coordinator"):
        assert client.post("/personas", data={"token": token, "persona": persona}).status_code == 404
    assert client.get("/probe").status_code == 401


# --- the pages that lead to it


def test_every_page_for_those_who_are_signed_out_leads_to_the_personas(demo: Org) -> None:
    client = browser(demo)
    asked = client.get("/jobs?state=failed")
    answer = client.get(asked.headers["Location"])
    assert (answer.status_code, answer.headers["Location"]) == (303, "/personas?next=%2Fjobs%3Fstate%3Dfailed")
    assert 'name="next" value="/jobs?state=failed"' in client.get(answer.headers["Location"]).text
    for address in ("/", "/sign-in?out=1", f"/sign-in?out=1&organization={demo.id}"):
        page = client.get(address, headers={"Accept": "text/html"})
        assert 'href="/personas?next=%2Ftraining"' in page.text, address
        assert "bind an identity provider" not in page.text


def test_choosing_a_persona_again_is_a_fresh_proof(demo: Org) -> None:
    client = browser(demo)
    client.post("/personas", data={"token": token_of(client.get("/personas")), "persona": "approver"})
    with demo.parts.database.transaction(demo.id) as db:
        db.execute(update(SignIn).values(authenticated_at=clock.now() - RECENT_SIGN_IN * 2))
    assert client.post("/probe/recent").status_code == 401
    kept = client.post(f"/jobs/{uuid.uuid4()}/approve", data={"formKey": "k"})
    assert kept.status_code == 401
    found = re.search(r'href="(/sign-in[^"]+)"', kept.text)
    assert found is not None
    answer = client.get(html.unescape(found[1]))
    assert answer.headers["Location"] == "/personas?next=%2Fsign-in%2Fdone&again=1"
    page = client.get(answer.headers["Location"])
    assert "not older than 5 minutes" in page.text
    form = {"token": token_of(page), "persona": "approver", "next": "/sign-in/done"}
    assert client.post("/personas", data=form).headers["Location"] == "/sign-in/done"
    assert client.post("/probe/recent").status_code == 200


@pytest.mark.parametrize(
    "headers", [{"X-Forwarded-For": "10.0.0.7"}, {"Forwarded": "for=10.0.0.7"}, {"Host": "127.0.0.1"}]
)
def test_no_page_leads_to_the_personas_where_they_are_not_shown(demo: Org, headers: dict[str, str]) -> None:
    client = browser(demo)
    for address in ("/", "/sign-in", "/sign-in?out=1", "/sign-in?again=1"):
        page = client.get(address, headers=headers | {"Accept": "text/html"})
        assert (page.status_code, "/personas" in page.text) == (200, False), address
    other = client.get("/sign-in?organization=somebody-else")
    assert (other.status_code, "/personas" in other.text) == (200, False)


# --- a token from the page


@pytest.mark.parametrize("token", ["", "x", "persona"])
def test_choosing_needs_a_token_from_the_page(demo: Org, token: str) -> None:
    client = browser(demo)
    assert client.post("/personas", data={"token": token, "persona": "coordinator"}).status_code == 403
    assert client.post("/personas", data={"persona": "coordinator"}).status_code == 403
    assert client.get("/probe").status_code == 401


def test_choosing_is_a_post_from_the_page(demo: Org) -> None:
    client = browser(demo)
    form = {"token": token_of(client.get("/personas")), "persona": "coordinator"}
    assert "Set-Cookie" not in client.get("/personas", params=form).headers
    for elsewhere in ({"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}):
        assert client.post("/personas", data=form, headers=elsewhere).status_code == 403
    assert client.get("/probe").status_code == 401


# --- nowhere else


@pytest.fixture(scope="module")
def token(demo: Org) -> str:
    """A token from the page, for requests that must be refused although they have one."""
    return token_of(browser(demo).get("/personas"))


def test_the_page_exists_only_for_the_embedded_database(demo: Org, token: str) -> None:
    made = dataclasses.replace(demo.parts, embedded_in=None)
    other = dataclasses.replace(demo, app=with_probes(made), parts=made)
    assert both(browser(other), token) == [404, 404]


def test_the_page_exists_only_for_the_organization_that_the_demo_has_made(
    demo: Org, token: str, tmp_path: Path
) -> None:
    made = dataclasses.replace(demo.parts, embedded_in=tmp_path)
    other = dataclasses.replace(demo, app=with_probes(made), parts=made)
    assert both(browser(other), token) == [404, 404]


def test_the_page_exists_only_on_loopback(demo: Org, token: str) -> None:
    assert both(browser(demo, "127.0.0.1", "10.0.0.7"), token) == [404, 404]
    assert both(browser(demo, "127.0.0.1", "0.0.0.0"), token) == [404, 404]


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8000",
        "127.0.0.1:8001",
        "127.0.0.1",
        "localhost.evil.example:8000",
        "[::2]:8000",
        "",
    ],
)
def test_the_page_exists_only_under_a_name_of_loopback_with_this_port(demo: Org, token: str, host: str) -> None:
    assert not {200, 303} & set(both(browser(demo), token, Host=host))


@pytest.mark.parametrize(
    "name", ["Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Any"]
)
def test_the_page_does_not_exist_behind_a_proxy(demo: Org, token: str, name: str) -> None:
    assert both(browser(demo), token, **{name: "127.0.0.1"}) == [404, 404]


def test_the_page_exists_only_where_the_public_address_is_loopback(demo: Org, token: str) -> None:
    for address in ("https://training.example.org", "http://10.0.0.7:8000", "http://127.0.0.1.example.org"):
        assert both(browser(with_settings(demo, public_url=address)), token) == [404, 404], address
    for address in ("http://localhost:9000", "http://[::1]:8000"):
        assert both(browser(with_settings(demo, public_url=address)), token) == [200, 303], address


def test_the_page_does_not_exist_in_an_ordinary_deployment(app: FastAPI, token: str) -> None:
    client = TestClient(app, base_url="http://127.0.0.1:8000")
    assert client.get("/personas").status_code == 404
