"""The mail as it is composed: hostile names, letters beyond ASCII, several notices in one mail."""

import email
import email.policy
import uuid
from datetime import UTC, date, datetime
from email.message import EmailMessage

import pytest
from markupsafe import escape

from shared.deliveries import AddressUnusable, Letter, Notice, compose
from tests.mail.correspondence import html, plain

NOW = datetime(2026, 6, 1, 9, tzinfo=UTC)
HOSTILE = [
    "Eve\r\nBcc: victim@example.org",
    "Eve\nSubject: another",
    "=?utf-8?q?Eve=0ABcc=3A_victim=40example=2Eorg?=",
    "<script>alert(1)</script>",
    '"Eve" <victim@example.org>, x',
    "{{ 7 * 7 }}{% raw %}",
    "\u2028Bcc: victim@example.org\x00\x85",
    "../../etc/passwd\n---\nsomething else\n---\n",
]


def notice(course: str = "Hydrogen-sulfide response", **fields: object) -> Notice:
    """A notice about a new assignment."""
    made = {"link": "https://training.example/s/abc", "reason": "Refresh", "due_on": date(2026, 6, 30), **fields}
    return Notice("assignment.created", course, "v3.2", **made)  # type: ignore[arg-type]


def letter(
    *notices: Notice, organization: str = "Acme", name: str = "Ada", address: str = "ada@crew.example"
) -> Letter:
    """A letter to one party."""
    return Letter(uuid.UUID(int=7), organization, name, address, "Europe/Oslo", notices or (notice(),))


def read(one: Letter) -> EmailMessage:
    """Compose a letter and parse the mail. Checks that every line ends in CRLF and has at most 998 bytes."""
    content = compose(one, "Rollcall <rollcall@training.example>", NOW).content
    assert b"\n" not in content.replace(b"\r\n", b"")
    assert max(map(len, content.split(b"\r\n"))) <= 998
    return email.message_from_bytes(content, policy=email.policy.default)


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("where", ["name", "organization", "course", "reason"])
def test_no_text_breaks_out_of_its_header_or_paragraph(text: str, where: str) -> None:
    inside = where in ("course", "reason")
    mail = read(letter(notice(**{where: text})) if inside else letter(**{where: text}))
    assert sorted(mail.keys()) == sorted(
        ["Subject", "From", "To", "Date", "Message-ID", "Auto-Submitted", "MIME-Version", "Content-Type"]
    )
    assert mail["To"].addresses[0].addr_spec == "ada@crew.example"
    assert (len(mail["To"].addresses), len(mail["From"].addresses)) == (1, 1)
    assert mail["From"].addresses[0].addr_spec == "rollcall@training.example"
    assert "<script" not in html(mail)
    assert "49" not in html(mail).partition("<body")[2].replace("#", "")


def test_letters_beyond_ascii_arrive_unchanged() -> None:
    one = letter(notice("Schwefelwasserstoff: Übung, 硫化水素"), organization="Öl & Gas ÅS", name="Zoë Ångström 山田")
    mail = read(one)
    assert mail["Subject"] == "Schwefelwasserstoff: Übung, 硫化水素: assigned to you, due by 30 June 2026"
    assert mail["To"].addresses[0].display_name == "Zoë Ångström 山田"
    assert mail["From"].addresses[0].display_name == "Öl & Gas ÅS via Rollcall"
    assert "Dear Zoë Ångström 山田," in plain(mail)
    assert "Öl &amp; Gas ÅS has assigned you" in html(mail)


@pytest.mark.parametrize("text", ["50 % off %(name)s %s %%", "\x1flink0\x1f", "a.{{name}}", "&lt;b&gt; & <i>"])
def test_a_text_that_looks_like_a_placeholder_is_shown_unchanged(text: str) -> None:
    """Layouts are cached with holes for texts: a text must not be taken for a hole."""
    mail = read(letter(notice(reason=text), notice("Fall arrest", link=None), organization=text, name=text))
    shown = text.replace("\x1f", " ").strip()
    assert plain(mail).count(shown) == 6  # greeting, two leads, reason, and the organization twice at the end
    assert html(mail).count(str(escape(shown))) == 6
    assert mail["From"].addresses[0].display_name == f"{shown} via Rollcall"
    assert not {"\x1f", "\x85"} & {*plain(mail), *html(mail)}


def test_mails_with_the_same_layout_have_their_own_texts() -> None:
    first, second = (read(letter(notice(name, reason=name), name=name)) for name in ("Ada", "Bob"))
    assert (plain(first).count("Ada"), plain(first).count("Bob")) == (4, 0)
    assert plain(second) == plain(first).replace("Ada", "Bob")
    assert html(second) == html(first).replace("Ada", "Bob")


def test_a_name_of_a_thousand_letters_is_cut_off_in_the_header() -> None:
    assert read(letter(name="x" * 1000))["To"].addresses[0].display_name == "x" * 200
    assert len(read(letter(notice("é" * 200), organization="ü" * 200))["Subject"]) > 200


@pytest.mark.parametrize(
    ("address", "expected"),
    [("ada@bücher.example", "ada@xn--bcher-kva.example"), ("o'hara+x@crew.example", "o'hara+x@crew.example")],
)
def test_the_domain_of_an_address_is_written_in_ascii(address: str, expected: str) -> None:
    envelope = compose(letter(address=address), "Rollcall <rollcall@training.example>", NOW)
    assert envelope.recipient == expected


@pytest.mark.parametrize(
    "address",
    [
        "ada",
        "@crew.example",
        "ada@",
        "a b@crew.example",
        "ada@crew.example>\r\nRCPT TO:<x@y.example",
        "é@crew.example",
        "ada,bob@crew.example",
        "ada@" + "x" * 70 + ".example",
    ],
)
def test_an_invalid_address_is_refused(address: str) -> None:
    with pytest.raises(AddressUnusable):
        compose(letter(address=address), "Rollcall <rollcall@training.example>", NOW)


def test_several_notices_are_one_mail() -> None:
    mail = read(letter(notice("Fall arrest"), notice("Rescue at height", link="https://training.example/s/def")))
    assert mail["Subject"] == "2 notices about your training"
    for course, link in (("Fall arrest", "abc"), ("Rescue at height", "def")):
        assert f"\n{course}: assigned to you, due by 30 June 2026\n" in plain(mail)
        assert f"Open the training: https://training.example/s/{link}\n" in plain(mail)


def test_a_mail_is_composed_the_same_each_time() -> None:
    """Except for its boundaries: readers must recognize a repeated mail as the same."""
    first, second = read(letter()), read(letter())
    assert (first["Message-ID"], plain(first), html(first)) == (second["Message-ID"], plain(second), html(second))
    assert first["Message-ID"] == f"<{uuid.UUID(int=7)}@training.example>"
