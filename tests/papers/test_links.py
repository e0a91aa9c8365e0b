"""Links to certificates: minted once, for anybody, dead with the licence and its holder."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
import time_machine

from shared import clock
from shared.access import Permission
from shared.assignments import Assignment, SessionLinks
from shared.licences import CertificateLinks
from shared.signed_links import LINK_LIFETIME, LinkInvalid
from tests.assignments.links import anybody
from tests.drain import InProcessWorker
from tests.factories import Org
from tests.feed import recorded
from tests.pages import HEADERS
from tests.papers.reading import read_pdf
from tests.verification.holding import NAME, PARTY, Held, hold


@pytest.fixture
def held(org: Org, worker: InProcessWorker) -> Held:
    return hold(org, worker)


def mint(held: Held, key: str | None = None, **caller: Any) -> Any:
    headers = {} if key is None else {"Idempotency-Key": key}
    return held.org.client(**caller).post(f"/v1/licences/{held.id}/certificate-link", headers=headers)


def path(held: Held, answer: Any) -> str:
    url: str = answer.json()["url"]
    return url.removeprefix(held.org.parts.settings.public_url)


def get(held: Held, address: str) -> Any:
    return anybody(held.org).get(address)


def test_anybody_sees_the_certificate_of_a_link_as_page_and_as_pdf(held: Held) -> None:
    minted = mint(held)
    assert minted.headers["Cache-Control"] == "no-store"
    address = path(held, minted)
    assert address.startswith("/c/")
    page = get(held, address)
    assert page.status_code == 200
    assert {name: page.headers.get(name) for name in HEADERS} == HEADERS
    assert "img-src data:;" in page.headers["Content-Security-Policy"]
    assert "script" not in page.headers["Content-Security-Policy"]
    for fact in (NAME, "Hydrogen-sulfide response", "Download as PDF"):
        assert fact in page.text
    token = address.removeprefix("/c/")
    assert f'href="{token}/pdf"' in page.text
    assert NAME in read_pdf(get(held, f"{address}/pdf")).text
    assert anybody(held.org).head(address).status_code == 200
    assert anybody(held.org).post(address).status_code == 405


def test_the_page_says_no_more_than_the_certificate(held: Held) -> None:
    text = get(held, path(held, mint(held))).text
    for secret in ("ada@marked.example", "marked", PARTY, str(held.id), "member-1", held.org.id):
        assert secret not in text


def test_the_link_is_shown_once_and_stands_in_no_event(held: Held) -> None:
    first = mint(held, key="share-1")
    again = mint(held, key="share-1")
    assert first.json()["url"]
    assert again.json() == {"url": None, "expiresAt": first.json()["expiresAt"]}
    assert again.headers["Idempotent-Replayed"] == "true"
    (event,) = recorded(held.org, "licence.certificate_link_minted")
    assert event.subject == f"licence/{held.id}"
    assert set(event.data) == {"expiresAt"}
    assert path(held, first).removeprefix("/c/") not in str(event.data)


def test_a_link_works_for_thirty_days(held: Held) -> None:
    address = path(held, mint(held))
    with time_machine.travel(clock.now() + LINK_LIFETIME - timedelta(minutes=1)):
        assert get(held, address).status_code == 200
    with time_machine.travel(clock.now() + LINK_LIFETIME):
        gone = get(held, address)
    assert gone.status_code == 410
    assert "30 days" in gone.text
    assert NAME not in gone.text


def test_a_link_dies_with_the_revocation(held: Held) -> None:
    address = path(held, mint(held))
    revoked = held.org.client().post(f"/v1/licences/{held.id}/revoke", json={"reason": "marked reason"})
    assert revoked.status_code == 200
    for gone in (get(held, address), get(held, f"{address}/pdf")):
        assert gone.status_code == 410
        assert NAME not in gone.text
        assert "marked" not in gone.text
    assert get(held, held.path).status_code == 200, "the printed code still says how it stands"
    refused = mint(held)
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:rollcall:problem:licence-revoked")


def test_a_link_dies_with_the_erasure_of_the_party(held: Held) -> None:
    address = path(held, mint(held))
    assert held.org.client().post(f"/v1/parties/{PARTY}/erase").status_code == 200
    assert get(held, address).status_code == 410
    assert get(held, f"{address}/pdf").status_code == 410


def test_a_link_dies_when_the_licence_becomes_another_partys(held: Held) -> None:
    address = path(held, mint(held))
    held.org.with_parties("crew-9")
    held.change(party_id="crew-9")
    assert get(held, address).status_code == 410


def test_an_ended_licence_is_shown_with_its_stamp(held: Held) -> None:
    address = path(held, mint(held))
    held.change(superseded_at=clock.now())
    assert "Replaced on" in get(held, address).text


def test_no_changed_character_of_a_link_works(held: Held) -> None:
    address = path(held, mint(held))
    for at in range(len("/c/"), len(address)):
        other = "A" if address[at] != "A" else "B"
        assert get(held, address[:at] + other + address[at + 1 :]).status_code == 404, at
    for wrong in (held.code, str(held.id), address.removeprefix("/c/") + "%20", ""):
        assert get(held, f"/c/{wrong}").status_code == 404


def test_links_of_two_kinds_are_signed_with_two_keys(held: Held) -> None:
    settings, now = held.org.parts.settings, clock.now()
    token = path(held, mint(held)).removeprefix("/c/")
    with pytest.raises(LinkInvalid):
        SessionLinks(settings).read(token, now)
    assignment = Assignment(id=uuid.uuid4(), org_id=held.org.id, link_epoch=0)
    with pytest.raises(LinkInvalid):
        CertificateLinks(settings).read(SessionLinks(settings).mint(assignment, now).url.rpartition("/")[2], now)


def test_a_link_is_minted_by_the_holder_and_by_training_admin_in_scope(held: Held, other_org: Org) -> None:
    def status(org: Org, *permissions: Permission, **caller: Any) -> int:
        client = org.stranger()
        client.headers["Authorization"] = f"Bearer {org.token(*permissions, **caller)}"
        found: int = client.post(f"/v1/licences/{held.id}/certificate-link").status_code
        return found

    assert status(held.org, party=PARTY) == 200
    assert status(held.org, party="crew-2") == 403
    assert status(held.org, Permission.VIEW) == 403
    assert status(held.org, Permission.ADMIN, folders=["crew"]) == 200
    assert status(held.org, Permission.ADMIN, folders=["office"]) == 404
    assert status(other_org, *Permission) == 404


def test_a_link_works_while_training_is_switched_off_as_the_printed_code_does(held: Held) -> None:
    address = path(held, mint(held))
    held.org.client().put("/v1/availability", json={"enabled": False})
    assert get(held, address).status_code == 200
    assert get(held, held.path).status_code == 200
    assert mint(held).status_code == 403
