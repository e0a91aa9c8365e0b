"""The certificate as PDF: its text, its tags, the same bytes each time, hostile names, letters that no font has."""

import threading
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from shared.access import Permission
from shared.clock import now
from shared.licences import grouped
from shared.texts import Words
from shared.typesetting import drawable, typeset
from tests.drain import InProcessWorker
from tests.factories import Org
from tests.papers.reading import read_bytes, read_pdf
from tests.verification.holding import GRANTED_AT, NAME, PARTY, Held, hold

PDF = {"Accept": "application/pdf"}


@pytest.fixture
def held(org: Org, worker: InProcessWorker) -> Held:
    return hold(org, worker)


def certificate(held: Held, accept: str = "application/pdf", **caller: Any) -> Any:
    client = held.org.client(**caller)
    return client.get(f"/v1/licences/{held.id}/certificate", headers={"Accept": accept})


def name(held: Held, given: str, **fields: Any) -> None:
    row = {"entityId": PARTY, "displayName": given, **fields}
    answer = held.org.client().put("/v1/parties", json={"parties": [row]})
    assert answer.json()["failed"] == 0, answer.text


def test_the_pdf_has_the_facts_of_the_licence_and_is_tagged_and_kept_for_long(held: Held) -> None:
    paper = read_pdf(certificate(held))
    facts = ("Test", NAME, "Hydrogen-sulfide response", "Version v3.2", "31 January 2026", grouped(held.code))
    for fact in (*facts, "has been trained, and is licensed, in"):
        assert fact in paper.text
    assert paper.title == f"Hydrogen-sulfide response - {NAME}"
    assert (paper.tagged, paper.language, paper.pages) == (True, "en", 1)
    assert 'pdfuaid:part="1"' in paper.standards or "<pdfuaid:part>1<" in paper.standards
    assert "<pdfaid:part>2<" in paper.standards or 'pdfaid:part="2"' in paper.standards


def test_the_same_licence_gives_the_same_bytes_also_from_several_threads_at_once(held: Held) -> None:
    first, made = certificate(held).content, list[bytes]()
    threads = [threading.Thread(target=lambda: made.append(certificate(held).content)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert made == [first] * 3
    name(held, "Ada Berg")
    assert certificate(held).content != first


def test_a_browser_gets_the_page_and_who_prefers_pdf_gets_that(held: Held) -> None:
    for page in ("*/*", "text/html,application/xhtml+xml,*/*;q=0.8", "text/html, application/pdf;q=0.5"):
        assert certificate(held, page).headers["Content-Type"] == "text/html; charset=utf-8"
    for file in ("application/pdf", "application/pdf, text/html;q=0.5", "application/pdf, */*"):
        assert certificate(held, file).headers["Content-Type"] == "application/pdf"


@pytest.mark.parametrize(
    "hostile",
    [
        '*Ada* _x_ #read("/etc/passwd") $x$ `y` <z> @w',
        '#import "@preview/x:1.0.0" \\u{41} // no comment',
        '<b>Ada</b> & "Co" %(number)s {{ x }}',
        "Nguyen Thi Anh Åsa Žižka Иван Ωμέγα",
    ],
)
def test_a_name_is_text_and_never_markup(held: Held, hostile: str) -> None:
    name(held, hostile)
    paper = read_pdf(certificate(held))
    assert "".join(hostile.split()) in "".join(paper.text.split())
    assert hostile in paper.title


def test_an_arabic_name_is_drawn_and_marks_that_turn_the_direction_are_left_out(held: Held) -> None:
    name(held, "محمد")
    paper = read_pdf(certificate(held))
    assert set("محمد") <= set(paper.text)
    assert "cannot draw" not in paper.text
    name(held, "\u202eadA\u202c Berg")
    assert "adA Berg" in read_pdf(certificate(held)).text


def test_letters_that_no_font_has_are_named_by_their_script_and_stand_in_the_title(held: Held) -> None:
    name(held, "张伟 שלום Berg")
    paper = read_pdf(certificate(held))
    assert "◌◌ ◌◌◌◌ Berg" in paper.text
    assert "This paper cannot draw some letters, and has ◌ for each: Han, Hebrew." in " ".join(paper.text.split())
    assert "张伟" in paper.title
    assert paper.tagged
    assert "pdfuaid" in paper.standards, "a letter without a glyph would have cost the standards"
    assert "张伟" in certificate(held, "text/html").text


def test_a_folder_of_fonts_draws_what_ours_do_not(tmp_path: Path) -> None:
    given = Path("/usr/share/fonts-droid-fallback/truetype")
    if not given.is_dir():
        pytest.skip("fonts-droid-fallback is not installed")
    words = Words("en", "UTC", now())
    assert drawable("张伟", words, None).scripts == ("Han",)
    assert drawable(["张伟"], words, str(given)).texts == ["张伟"]


def test_an_ended_licence_is_stamped_and_a_new_stamp_needs_no_new_paper(held: Held) -> None:
    held.change(revoked_at=GRANTED_AT.replace(month=3, day=3), revocation_reason="marked reason")
    paper = read_pdf(certificate(held))
    assert "Revoked on 3 March 2026" in paper.text
    assert "was trained, and was licensed, in" in paper.text
    assert "marked" not in paper.text


def test_a_record_is_never_shown_as_earned_here(held: Held) -> None:
    fields = {"assignment_id": None, "record_key": "x", "completed_on": date(2024, 3, 2), "issuer": "Falck <b>Safety"}
    held.change(**fields)
    for answer in (certificate(held), certificate(held, "text/html")):
        text = read_pdf(answer).text if answer.headers["Content-Type"] == "application/pdf" else answer.text
        assert "Record of training" in text
        assert "Certificate of training" not in text
        assert "Earned elsewhere or before, and recorded by Test." in text
    assert "Issuer: Falck <b>Safety." in read_pdf(certificate(held)).text
    assert "Falck &lt;b&gt;Safety" in certificate(held, "text/html").text


@pytest.mark.parametrize(("own", "organization", "kind"), [
    ("nb", None, "Kursbevis"),
    ("no-NO", "en", "Kursbevis"),
    (None, "nb", "Kursbevis"),
    (None, None, "Certificate of training"),
    ("de", None, "Certificate of training"),
    ("en", "nb", "Certificate of training"),
])  # fmt: skip
def test_a_certificate_is_in_the_language_of_its_holder(
    held: Held, own: str | None, organization: str | None, kind: str
) -> None:
    held.org.client().put("/v1/settings", json={"language": organization})
    name(held, NAME, language=own)
    paper, page = read_pdf(certificate(held)), certificate(held, "text/html").text
    language = "nb" if kind == "Kursbevis" else "en"
    assert kind in paper.text
    assert kind in page
    assert paper.language == language
    assert f'<html lang="{language}">' in page
    assert ("31. januar 2026" if language == "nb" else "31 January 2026") in page


def test_who_sees_the_certificate_gets_its_pdf_and_nobody_else(held: Held, other_org: Org) -> None:
    def status(org: Org, *permissions: Permission, **caller: Any) -> int:
        client = org.stranger()
        client.headers["Authorization"] = f"Bearer {org.token(*permissions, **caller)}"
        found: int = client.get(f"/v1/licences/{held.id}/certificate", headers=PDF).status_code
        return found

    assert status(held.org, Permission.VIEW, folders=["crew"]) == 200
    assert status(held.org, Permission.VIEW, folders=["office"]) == 404
    assert status(held.org, Permission.ASSIGN) == 403
    assert status(held.org, party=PARTY) == 200
    assert status(held.org, party="crew-2") == 403
    assert status(other_org, *Permission) == 404


def test_a_template_that_fails_says_so() -> None:
    words = Words("en", "UTC", now())
    with pytest.raises(FileNotFoundError):
        typeset("no-such-paper", {}, words, title="x", written_on=date(2026, 1, 1), folder=None)
    with pytest.raises(Exception, match="does not contain key"):
        typeset("certificate", {"stamp": ""}, words, title="x", written_on=date(2026, 1, 1), folder=None)


def test_a_private_character_costs_the_standard_and_not_the_paper(held: Held) -> None:
    name(held, "Ada \ue000 Berg")
    assert "Berg" in read_bytes(certificate(held).content).text
