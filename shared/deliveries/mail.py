"""Mails: renders notices to a party as a message in plain text and HTML.

Renders plain facts only: the sender (`worker/notices/`) looks up assignments, sessions and licences just before. The
words of a notice are a template in `mail_templates/`, named after the type of its event. It makes plain text, which the
HTML layout escapes.
"""

import re
import textwrap
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from email.utils import format_datetime, formataddr, parseaddr
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import escape

from shared.deliveries import mime
from shared.deliveries.invitations import invitation
from shared.deliveries.smtp import Envelope
from shared.texts import FIRST, N_, Words, reader, reading
from shared.words import day_in_words, in_words, single_line


class AddressUnusable(Exception):
    """The party's e-mail address is not valid. The message does not contain it."""


@dataclass(frozen=True)
class Notice:
    """The facts that a mail reports about one event.

    type: of the event; it names the template. link: the page to open; personal: the link works without an account
    and is for this party alone. days: until the due date or the expiry, negative afterwards. former_due_on: before
    a change. code: of a licence, as it is printed. valid_from, valid_until, former_from, former_until, ended: of a
    licence, in words, in the zone of the organization as on its certificate; valid_from only if it is not the
    instant of the grant, former_from and former_until before a change, ended only if it has expired. calendar: a
    calendar file; cancels: the file removes the entry.
    """

    type: str
    course: str
    version: str
    link: str | None = None
    personal: bool = False
    reason: str | None = None
    due_on: date | None = None
    former_due_on: date | None = None
    days: int | None = None
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    location: str | None = None
    join_url: str | None = None
    granted_on: date | None = None
    valid_from: str | None = None
    valid_until: str | None = None
    former_from: str | None = None
    former_until: str | None = None
    ended: str | None = None
    code: str | None = None
    calendar: bytes | None = None
    cancels: bool = False


@dataclass(frozen=True)
class Letter:
    """One mail to one party. id: makes the Message-ID, so it is the same at every attempt.

    time_zone, language: of the party, or else of the organization.
    """

    id: uuid.UUID
    organization: str
    name: str
    address: str
    time_zone: str
    notices: Sequence[Notice]
    language: str = FIRST


@dataclass(frozen=True)
class Section:
    """One notice in words. facts: labels with their values. action: the text of the link."""

    subject: str
    lead: str
    facts: Sequence[tuple[str, str]]
    action: str
    link: str | None
    personal: bool

    @property
    def shape(self) -> "Shape":
        """The parts that the section has, without their texts."""
        return tuple(label for label, _ in self.facts), bool(self.link), self.personal


Shape = tuple[tuple[str, ...], bool, bool]
"""The labels of the facts; True if there is a link; True if the link is personal."""


_WORDS = Environment(loader=PackageLoader("shared.deliveries", "mail_templates"), undefined=StrictUndefined)  # noqa: S701
"""The templates of notices, in plain text: subject, sentences and the text of the link, separated by `---`."""

_LAYOUT = _WORDS.overlay(autoescape=select_autoescape(["html"]), trim_blocks=True, lstrip_blocks=True)
_LAYOUT.globals["_"] = lambda text: reader().text(text)


def compose(letter: Letter, mail_from: str, now: datetime) -> Envelope:
    """The complete mail. Raises AddressUnusable."""
    with reading(Words(letter.language, letter.time_zone, now)):
        return _compose(letter, mail_from, now)


def _compose(letter: Letter, mail_from: str, now: datetime) -> Envelope:
    sections = [_section(notice, letter) for notice in letter.notices]
    sender_name, sender = _sender(mail_from)
    organization = single_line(letter.organization)
    subject = (
        sections[0].subject
        if len(sections) == 1
        else in_words(N_("%(number)s notices about your training"), number=len(sections))
    )
    shapes = tuple(section.shape for section in sections)
    texts = _texts(sections, name=single_line(letter.name), organization=organization, subject=subject)
    html = _layout("layout.html", shapes, letter.language) % {hole: escape(text) for hole, text in texts.items()}
    wrapped = {f"lead{n}": _wrapped(section.lead, 72) for n, section in enumerate(sections)}
    plain = _layout("layout.txt", shapes, letter.language) % (texts | wrapped)
    body = mime.multipart("alternative", [mime.text(plain, "plain"), mime.text(html, "html")])
    invitations = [
        invitation(notice.calendar, letter.name, letter.address, cancels=notice.cancels)
        for notice in letter.notices
        if notice.calendar is not None
    ]
    if invitations:
        body = mime.multipart("mixed", [body, *invitations])
    recipient = _address(letter)
    headers = {
        "Subject": subject if _is_plain(subject) else mime.encoded(subject, "Subject"),
        "From": _named(f"{organization} via {sender_name}" if sender_name else organization, sender),
        "To": _named(single_line(letter.name), recipient),
        "Date": format_datetime(now),
        "Message-ID": f"<{letter.id}@{sender.rpartition('@')[2]}>",
        "Auto-Submitted": "auto-generated",  # prevents out-of-office replies
        "MIME-Version": "1.0",
    }
    return Envelope(sender, recipient, mime.headed(headers, body))


def _texts(sections: Sequence[Section], **texts: str) -> dict[str, str]:
    """The texts for the holes of a layout. texts: those that are not of a section."""
    for n, section in enumerate(sections):
        texts |= {
            f"subject{n}": section.subject,
            f"lead{n}": section.lead,
            f"action{n}": section.action,
            f"link{n}": section.link or "",
        }
        texts |= {f"fact{n}_{m}": text for m, (_, text) in enumerate(section.facts)}
    return texts


@lru_cache
def _layout(template: str, shapes: tuple[Shape, ...], language: str) -> str:
    """A layout for sections of these shapes, with a hole for each of `_texts`, to be filled by `%`.

    language: the reader's.

    So the parts that most mails have in common are rendered once. A hole is marked by a character that no layout uses.
    """
    sections = [
        Section(
            subject=_hole(f"subject{n}"),
            lead=_hole(f"lead{n}"),
            facts=[(label, _hole(f"fact{n}_{m}")) for m, label in enumerate(labels)],
            action=_hole(f"action{n}"),
            link=_hole(f"link{n}") if linked else None,
            personal=personal,
        )
        for n, (labels, linked, personal) in enumerate(shapes)
    ]
    holes = {name: _hole(name) for name in ("name", "organization", "subject")}
    rendered = _LAYOUT.get_template(template).render(holes, sections=sections, language=language)
    return re.sub("\x1f(.+?)\x1f", r"%(\1)s", rendered.replace("%", "%%"))


def _hole(name: str) -> str:
    return f"\x1f{name}\x1f"


def _named(name: str, address: str) -> str:
    """A name and an address for a header. The name is cut off after 200 characters."""
    name = name[:200]
    return formataddr((name, address)) if _is_plain(name) else f"{mime.encoded(name, 'To')} <{address}>"


def _is_plain(text: str) -> bool:
    """True if a text needs no encoding in a header. A text that looks encoded needs it, or readers would decode it."""
    return text.isascii() and "=?" not in text


_USABLE = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9.-]+")


def _address(letter: Letter) -> str:
    """The party's address with its domain in ASCII, as every server accepts it. A local part has no such form, so one
    that is not ASCII raises AddressUnusable."""
    local, _, domain = letter.address.rpartition("@")
    try:
        address = f"{local}@{domain.encode('idna').decode()}"
    except UnicodeError as error:
        raise AddressUnusable from error
    if not _USABLE.fullmatch(address):
        raise AddressUnusable
    return address


def _section(notice: Notice, letter: Letter) -> Section:
    zone = ZoneInfo(letter.time_zone)
    values: dict[str, Any] = {
        "organization": single_line(letter.organization),
        "course": f"{single_line(notice.course)} {single_line(notice.version)}",
        "title": single_line(notice.course),
        "days": notice.days,
        "when": None if notice.starts_at is None else _when(notice.starts_at, notice.ends_at, zone),
        "starts_on": None if notice.starts_at is None else day_in_words(notice.starts_at.astimezone(zone).date()),
        "due_on": None if notice.due_on is None else day_in_words(notice.due_on),
        "former_due_on": None if notice.former_due_on is None else day_in_words(notice.former_due_on),
        "valid_until": notice.valid_until,
        "valid_from": notice.valid_from,
        "former_from": notice.former_from,
        "former_until": notice.former_until,
        "ended": notice.ended,
    }
    subject, lead, action = _words(notice.type, letter.language, **values)
    return Section(subject, lead, _facts(notice, values), action, notice.link, notice.personal)


@lru_cache
def _words(type: str, language: str, **values: Any) -> tuple[str, str, str]:
    """Subject, sentences and the text of the link. Cached, because most mails of a job have the same words.

    The words of another language than English have a template of their own, because sentences are built differently.
    """
    rendered = _template(f"{type}.txt" if language == FIRST else f"{language}/{type}.txt").render(values)
    subject, lead, action = (single_line(part) for part in rendered.split("\n---\n"))
    return subject, lead, action


def _facts(notice: Notice, values: dict[str, Any]) -> list[tuple[str, str]]:
    facts = [
        (N_("Course"), notice.course),
        (N_("Version"), notice.version),
        (N_("Due by"), values["due_on"]),
        (N_("When"), values["when"]),
        (N_("Where"), notice.location),
        (N_("Join at"), notice.join_url),
        (N_("Granted on"), None if notice.granted_on is None else day_in_words(notice.granted_on)),
        (N_("Valid from"), notice.valid_from),
        (N_("Valid until"), notice.valid_until),
        (N_("Licence code"), notice.code),
        (N_("Reason"), notice.reason),
    ]
    return [(reader().text(label), single_line(text)) for label, text in facts if text]


def _when(starts_at: datetime, ends_at: datetime | None, zone: ZoneInfo) -> str:
    """Start and end in the reader's time zone, with its name. The end's day is written only if it is another day."""
    start = starts_at.astimezone(zone)
    text = _moment(start)
    if ends_at is not None:
        end = ends_at.astimezone(zone)
        told = f"{end:%H:%M}" if end.date() == start.date() else _moment(end)
        text = in_words(N_("%(start)s to %(end)s"), start=text, end=told)
    return f"{text} ({zone.key})"


def _moment(at: datetime) -> str:
    return f"{reader().weekday(at.date())} {day_in_words(at.date())}, {at:%H:%M}"


_sender, _template, _wrapped = lru_cache(parseaddr), lru_cache(_WORDS.get_template), lru_cache(textwrap.fill)
