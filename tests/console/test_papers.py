"""The pages of papers: transcripts, certificates as PDF, links that are shown once, and the look of certificates."""

import re
from typing import Any

import pytest
from fastapi.testclient import TestClient

from shared.access import Permission
from tests.assignments.links import anybody
from tests.drain import InProcessWorker
from tests.factories import Org
from tests.feed import recorded
from tests.papers.images import image
from tests.papers.reading import read_pdf
from tests.verification.holding import NAME, PARTY, Held, hold

LOOK = "/settings/certificate"


@pytest.fixture
def held(org: Org, worker: InProcessWorker) -> Held:
    return hold(org, worker)


def own(held: Held) -> TestClient:
    """The holder's own member, who opens no page that needs a permission of training."""
    return held.org.visitor(Permission.COMPLETE_SESSION_TASKS, member="ada", party=PARTY)


def link_in(page: Any) -> str:
    """The address of the link that a page shows, without the host."""
    (url,) = re.findall(r'<code class="secret">([^<]+)</code>', page.text)
    return str(url).partition("/c/")[1] + str(url).partition("/c/")[2]


def test_a_link_is_made_from_the_page_of_the_licence_and_shown_once(held: Held) -> None:
    browser = held.org.visitor()
    page = browser.get(f"/licences/{held.id}").text
    assert f'action="/licences/{held.id}/certificate-link"' in page
    assert f'href="/licences/{held.id}/certificate.pdf"' in page
    made = browser.post(f"/licences/{held.id}/certificate-link")
    address = link_in(made)
    assert NAME in anybody(held.org).get(address).text
    assert address not in browser.get(f"/licences/{held.id}").text
    browser.post(f"/licences/{held.id}/revoke", data={"reason": "Left", "revision": "1"})
    assert anybody(held.org).get(address).status_code == 410
    assert "certificate-link" not in browser.get(f"/licences/{held.id}").text
    assert "It is not shown again" not in browser.post(f"/licences/{held.id}/certificate-link").text


def test_a_person_shares_and_takes_along_their_own_certificate(held: Held) -> None:
    browser = own(held)
    page = browser.get("/me").text
    for address in (f"/licences/{held.id}/certificate", f"/licences/{held.id}/certificate.pdf", "/me/transcript"):
        assert f'href="{address}"' in page
    assert NAME in read_pdf(browser.get(f"/licences/{held.id}/certificate.pdf")).text
    certificate = browser.get(f"/licences/{held.id}/certificate").text
    assert f'href="/licences/{held.id}"' not in certificate, "the person may not open that page"
    assert 'href="/me"' in certificate
    address = link_in(browser.post(f"/me/licences/{held.id}/certificate-link"))
    assert anybody(held.org).get(address).status_code == 200
    (event,) = recorded(held.org, "licence.certificate_link_minted")
    assert (event.actor_id, event.party_id) == ("ada", PARTY)


def test_nobody_shares_the_certificate_of_somebody_else(held: Held, other_org: Org) -> None:
    held.org.with_parties("crew-2")
    for browser, status in (
        (held.org.visitor(Permission.COMPLETE_SESSION_TASKS, party="crew-2"), 403),
        (held.org.visitor(Permission.VIEW), 403),
        (held.org.visitor(Permission.ADMIN, folders=["office"]), 404),
        (other_org.visitor(), 404),
    ):
        for address in (f"/licences/{held.id}/certificate-link", f"/me/licences/{held.id}/certificate-link"):
            assert browser.post(address).status_code == status
    assert recorded(held.org, "licence.certificate_link_minted") == []


def test_the_transcript_is_a_page_to_print_and_a_pdf(held: Held) -> None:
    browser = held.org.visitor()
    address = f"/parties/{PARTY}/transcript"
    assert f'href="{address}"' in browser.get(f"/parties/{PARTY}").text
    page = browser.get(address).text
    for text in (NAME, "Hydrogen-sulfide response", "recorded it on the person", f'href="{address}.pdf"'):
        assert text in page
    assert NAME in read_pdf(browser.get(f"{address}.pdf")).text
    mine = own(held).get("/me/transcript").text
    assert NAME in mine
    assert 'href="/me/transcript.pdf"' in mine
    assert NAME in read_pdf(own(held).get("/me/transcript.pdf")).text
    assert own(held).get("/parties/crew-2/transcript").status_code == 403


def test_the_page_of_a_transcript_is_in_the_language_of_its_party(held: Held) -> None:
    row = {"entityId": PARTY, "displayName": NAME, "language": "nb"}
    held.org.client().put("/v1/parties", json={"parties": [row]})
    page = held.org.visitor().get(f"/parties/{PARTY}/transcript").text
    assert '<html lang="nb">' in page
    assert "<h1>Opplæringsoversikt</h1>" in page
    assert "Download as PDF" in page, "what surrounds the paper is in the reader's language"


def test_the_look_is_changed_in_a_form_and_previewed(org: Org) -> None:
    browser = org.visitor()
    assert f'href="{LOOK}"' in browser.get("/settings").text
    sent = {"look": "true", "signatoryName": "Kari <b>", "signatoryTitle": "", "showHolderNumber": "true"}
    assert browser.post(LOOK, data=sent).headers["Location"] == LOOK
    page = browser.get(LOOK).text
    assert 'value="Kari &lt;b&gt;"' in page
    assert re.search(r'name="showHolderNumber"[^>]* checked', page)
    assert not re.search(r'name="showTrainingDate"[^>]* checked', page)
    preview = browser.get(f"{LOOK}/preview").text
    for text in ("Kari &lt;b&gt;", "Number E-0042", "Name of the holder", "<svg"):
        assert text in preview
    browser.post(LOOK, data={"look": "true", "signatoryName": "", "signatoryTitle": ""})
    assert org.client().get("/v1/settings/certificate").json()["signatoryName"] is None


def test_a_logo_is_uploaded_shown_and_removed(org: Org) -> None:
    browser = org.visitor()
    answer = browser.post(f"{LOOK}/logo", files={"logo": ("C:\\logo.png", image(), "image/png")})
    assert answer.headers["Location"] == LOOK
    assert 'src="data:image/png;base64,' in browser.get(LOOK).text
    assert 'src="data:image/png;base64,' in browser.get(f"{LOOK}/preview").text
    assert browser.post(f"{LOOK}/logo/remove").headers["Location"] == LOOK
    assert "data:image/png" not in browser.get(LOOK).text


@pytest.mark.parametrize(("content", "said"), [(b"", "no PNG, JPEG or WebP"), (b"<svg/>", "no PNG, JPEG or WebP")])
def test_a_file_that_is_no_logo_is_said_beside_its_field(org: Org, content: bytes, said: str) -> None:
    browser = org.visitor()
    answer = browser.post(f"{LOOK}/logo", files={"logo": ("logo.svg", content, "image/svg+xml")})
    assert answer.status_code == 422
    assert said in answer.text
    assert 'id="logo-fault"' in answer.text


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("multipart/form-data", b"x"),
        ("multipart/form-data; boundary=x", b"--x\r\n\r\nno end"),
        ("multipart/form-data; boundary=x", b"--x\r\nno head--x--"),
        (f"multipart/form-data; boundary={'x' * 71}", b""),
        ("multipart/form-data; boundary=x", b"--x\r\n\r\n" * 102 + b"--x--"),
        ("text/plain", b"x"),
    ],
)
def test_a_broken_upload_is_refused(org: Org, kind: str, body: bytes) -> None:
    answer = org.visitor().post(f"{LOOK}/logo", content=body, headers={"Content-Type": kind})
    assert answer.status_code in (400, 415), answer.text
    assert "data:image/png" not in org.visitor().get(LOOK).text


def test_who_may_not_change_the_look_sees_it_without_a_form(org: Org) -> None:
    browser = org.visitor(Permission.VIEW)
    page = browser.get(LOOK).text
    assert "signatoryName" not in page
    assert browser.post(LOOK, data={"look": "true"}).status_code == 403
    assert browser.post(f"{LOOK}/logo", files={"logo": ("x.png", image(), "image/png")}).status_code == 403
