"""The look of certificates: signatory, training date, holder number, and a logo that is no bomb."""

import struct
import zlib
from io import BytesIO
from typing import Any

import pytest
from PIL import Image

from shared import logos
from shared.access import Permission
from tests.drain import InProcessWorker
from tests.factories import Org
from tests.feed import recorded
from tests.papers.images import image
from tests.papers.reading import read_pdf
from tests.verification.holding import PARTY, Held, hold

ADDRESS = "/v1/settings/certificate"
LOGO = f"{ADDRESS}/logo"
EMPTY = {
    "signatoryName": None,
    "signatoryTitle": None,
    "showTrainingDate": False,
    "showHolderNumber": False,
    "logo": None,
}


def send(org: Org, content: bytes, kind: str = "image/png", **caller: Any) -> Any:
    return org.client(**caller).put(LOGO, content=content, headers={"Content-Type": kind})


@pytest.fixture
def held(org: Org, worker: InProcessWorker) -> Held:
    return hold(org, worker)


def pdf(held: Held) -> Any:
    return read_pdf(held.org.client().get(f"/v1/licences/{held.id}/certificate", headers={"Accept": "application/pdf"}))


def test_the_look_is_changed_by_field_and_null_clears(org: Org) -> None:
    client = org.client()
    assert client.get(ADDRESS).json() == EMPTY
    both = {"signatoryName": "Kari Nordmann", "signatoryTitle": "HSE manager"}
    assert client.put(ADDRESS, json=both).json() == EMPTY | both
    shown = {"showTrainingDate": True, "showHolderNumber": True}
    assert client.put(ADDRESS, json=shown).json() == EMPTY | both | shown
    assert client.put(ADDRESS, json={}).json() == EMPTY | both | shown
    cleared = dict.fromkeys([*both, *shown])
    assert client.put(ADDRESS, json=cleared).json() == EMPTY
    assert client.get(ADDRESS).json() == EMPTY


def test_a_change_is_an_event_that_names_fields_and_no_person(org: Org) -> None:
    org.client().put(ADDRESS, json={"signatoryName": "Marked Signatory", "showTrainingDate": True})
    org.client().put(ADDRESS, json={"signatoryName": "Marked Signatory"})
    send(org, image())
    found = [event.data for event in recorded(org, "organization.certificate_changed")]
    assert [data["changed"] for data in found] == [["showTrainingDate", "signatoryName"], ["logo"]]
    assert "Marked" not in str(found)


def test_the_certificate_shows_what_was_chosen(held: Held) -> None:
    before = pdf(held)
    assert "Trained" not in before.text
    assert PARTY not in before.text
    look = {
        "signatoryName": "Kari #strong[X] <b>",
        "signatoryTitle": "Manager & more",
        "showTrainingDate": True,
        "showHolderNumber": True,
    }
    held.org.client().put(ADDRESS, json=look)
    send(held.org, image())
    paper = pdf(held)
    assert "Kari #strong[X] <b>" in paper.text
    assert "Manager & more" in paper.text
    assert f"Number {PARTY}" in paper.text
    assert "Trained" in paper.text
    assert (before.images, paper.images) == (0, 1)
    assert paper.tagged
    assert "pdfuaid" in paper.standards
    page = held.get("certificate")
    assert "Kari #strong[X] &lt;b&gt;" in page.text
    assert "Manager &amp; more" in page.text
    assert 'src="data:image/png;base64,' in page.text
    assert "img-src data:;" in page.headers["Content-Security-Policy"]


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP"])
def test_a_logo_is_written_anew_as_png_and_no_larger_than_it_is_shown(org: Org, form: str) -> None:
    sent = image(form, (3000, 600))
    answer = send(org, sent, f"image/{form.lower()}")
    assert answer.json()["logo"] == {"href": LOGO, "width": 1200, "height": 240}, answer.text
    kept = org.client().get(LOGO)
    assert kept.headers["Content-Type"] == "image/png"
    assert kept.headers["X-Content-Type-Options"] == "nosniff"
    assert Image.open(BytesIO(kept.content)).size == (1200, 240)
    assert org.client().delete(LOGO).json() == EMPTY
    assert org.client().get(LOGO).status_code == 404


def test_nothing_of_the_sent_file_but_its_pixels_is_kept(org: Org) -> None:
    exif = Image.Exif()
    exif[0x010E] = "marked-secret"
    sent = image("JPEG", exif=exif, comment=b"marked-secret")
    assert b"marked-secret" in sent
    send(org, sent + b"marked-secret <script>", "image/jpeg")
    assert b"marked" not in org.client().get(LOGO).content


def bomb_of_a_png(width: int, height: int) -> bytes:
    """A small PNG of this many pixels: one bit each, all of them equal."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    rows = zlib.compress(bytes((width + 7) // 8 + 1) * height, 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def text_bomb() -> bytes:
    """A PNG with a compressed text of 128 MiB."""
    inside = b"zTXt" + b"Comment\0\0" + zlib.compress(bytes(128 * 1024 * 1024), 9)
    chunk = struct.pack(">I", len(inside) - 4) + inside + struct.pack(">I", zlib.crc32(inside))
    sent = image()
    return sent[:33] + chunk + sent[33:]


SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><image href="http://127.0.0.1:1/x"/></svg>'
BAD = {
    "larger than 256 KiB": (image() + bytes(logos.MAX_BYTES), "at most 256 KiB"),
    "a bomb of pixels": (bomb_of_a_png(20_000, 20_000), "too many pixels"),
    "SVG under another name": (SVG, "no PNG, JPEG or WebP"),
    "GIF under another name": (image("GIF"), "no PNG, JPEG or WebP"),
    "TIFF under another name": (image("TIFF"), "no PNG, JPEG or WebP"),
    "PDF under another name": (b"%PDF-1.7\n", "no PNG, JPEG or WebP"),
    "half a file": (image()[:60], "cannot be decoded"),
    "half a photograph": (image("JPEG", (900, 900))[:700], "cannot be decoded"),
    "nothing": (b"", "no PNG, JPEG or WebP"),
    "a bomb of text": (text_bomb(), "cannot be decoded"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_file_that_is_no_logo_is_refused_with_a_sentence(org: Org, case: str) -> None:
    content, said = BAD[case]
    answer = send(org, content)
    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"][0]["pointer"] == "/logo"
    assert said in answer.json()["errors"][0]["detail"]
    assert org.client().get(ADDRESS).json() == EMPTY


def test_a_bomb_is_refused_before_a_pixel_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    def decode(*_: Any) -> None:
        raise AssertionError("a pixel was decoded")

    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", decode)
    for side in (20_000, 10_000, 4_100):
        with pytest.raises(logos.NoLogo, match="too many pixels"):
            logos.decoded(bomb_of_a_png(side, side))
    webp = BytesIO()
    monkeypatch.undo()
    Image.new("L", (8000, 8000)).save(webp, "WEBP", lossless=True)
    assert len(webp.getvalue()) < logos.MAX_BYTES
    with pytest.raises(logos.NoLogo, match="too many pixels"):
        logos.decoded(webp.getvalue())


def test_noise_is_kept_smaller_until_it_is_within_the_bound() -> None:
    noise = BytesIO()
    Image.effect_noise((1100, 400), 90).convert("RGB").save(noise, "WEBP", quality=60)
    assert len(noise.getvalue()) < logos.MAX_BYTES
    logo = logos.decoded(noise.getvalue())
    assert len(logo.png) <= logos.MAX_BYTES
    assert Image.open(BytesIO(logo.png)).size == (logo.width, logo.height)


@pytest.mark.parametrize("kind", ["image/svg+xml", "image/gif", "application/json", "multipart/form-data"])
def test_a_file_of_another_type_is_refused_by_its_name(org: Org, kind: str) -> None:
    assert send(org, image(), kind).status_code == 415


def test_the_look_is_changed_by_training_admin_of_the_whole_organization(org: Org, other_org: Org) -> None:
    send(org, image())
    assert org.client(Permission.VIEW).get(LOGO).status_code == 200
    assert org.client(Permission.VIEW).put(ADDRESS, json={}).status_code == 403
    assert send(org, image(), folders=["crew"]).status_code == 403
    assert org.client(Permission.VIEW).delete(LOGO).status_code == 403
    assert org.stranger().get(ADDRESS).status_code == 403
    assert other_org.client().get(LOGO).status_code == 404
    assert other_org.client().get(ADDRESS).json() == EMPTY
