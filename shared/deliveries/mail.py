"""Mails: what is told to a party, as a message in plain text and HTML.

Renders from plain facts: what is true of an assignment, a session or a licence is looked up by whoever sends, just
before. Words are templates in `mail_templates/`; they make plain text, which the HTML around it escapes.
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

from icalendar import Calendar, vCalAddress
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import escape

from shared import clock
from shared.deliveries import mime
from shared.deliveries.smtp import Envelope


class AddressUnusable(Exception):
    """The party's address is no address that can stand in a mail. Its text does not repeat it."""


@dataclass(frozen=True)
class Notice:
    """One thing that a mail tells.

    type: of its event; names its words. link: what to open, personal: it opens without an account and is the party's
    alone. days: until it is due or ends, negative once that has passed. calendar: a calendar file, cancels: whether it
    takes the entry out.
    """

    type: str
    course: str
    version: str
    link: str | None = None
    personal: bool = False
    reason: str | None = None
    due_on: date | None = None
    days: int | None = None
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    location: str | None = None
    join_url: str | None = None
    granted_at: datetime | None = None
    expires_at: datetime | None = None
    code: str | None = None
    calendar: bytes | None = None
    cancels: bool = False


@dataclass(frozen=True)
class Letter:
    """One mail to one party. id: what its Message-ID is made of, the same whenever it is tried again.

    time_zone: the party's own, or else the organization's.
    """

    id: uuid.UUID
    organization: str
    name: str
    address: str
    time_zone: str
    notices: Sequence[Notice]


@dataclass(frozen=True)
class Told:
    """A notice in words. facts: labels and what stands beside them."""

    subject: str
    lead: str
    facts: Sequence[tuple[str, str]]
    action: str
    link: str | None
    personal: bool

    @property
    def shape(self) -> "Shape":
        """What it has, not what it says."""
        return tuple(label for label, _ in self.facts), bool(self.link), self.personal


Shape = tuple[tuple[str, ...], bool, bool]
"""The labels of a notice's facts, whether it has a link, and whether that opens without an account."""


_WORDS = Environment(loader=PackageLoader("shared.deliveries", "mail_templates"), undefined=StrictUndefined)  # noqa: S701
"""What is said of a notice: subject, sentences and what its link is called, in plain text."""

_LAYOUT = _WORDS.overlay(autoescape=select_autoescape(["html"]), trim_blocks=True, lstrip_blocks=True)


def compose(letter: Letter, mail_from: str, now: datetime) -> Envelope:
    """The mail, ready to be handed in. Raises AddressUnusable."""
    told = [_told(notice, letter) for notice in letter.notices]
    sender_name, sender = _sender(mail_from)
    organization = line(letter.organization)
    subject = told[0].subject if len(told) == 1 else f"{len(told)} notices about your training"
    shapes = tuple(one.shape for one in told)
    texts = _texts(told, name=line(letter.name), organization=organization, subject=subject)
    html = _layout("layout.html", shapes) % {hole: escape(text) for hole, text in texts.items()}
    wrapped = {f"lead{n}": _wrapped(one.lead, 72) for n, one in enumerate(told)}
    plain = _layout("layout.txt", shapes) % (texts | wrapped)
    body = mime.multipart("alternative", [mime.text(plain, "plain"), mime.text(html, "html")])
    calendars = [notice for notice in letter.notices if notice.calendar is not None]
    if calendars:
        body = mime.multipart("mixed", [body, *(_invitation(notice, sender, letter) for notice in calendars)])
    recipient = _address(letter)
    headers = {
        "Subject": subject if _bare(subject) else mime.encoded(subject, "Subject"),
        "From": _named(f"{organization} via {sender_name}" if sender_name else organization, sender),
        "To": _named(line(letter.name), recipient),
        "Date": format_datetime(now),
        "Message-ID": f"<{letter.id}@{sender.rpartition('@')[2]}>",
        "Auto-Submitted": "auto-generated",  # no holiday reply, please
        "MIME-Version": "1.0",
    }
    return Envelope(sender, recipient, mime.headed(headers, body))


def _texts(told: Sequence[Told], **shown: str) -> dict[str, str]:
    """What the layouts' holes are filled with."""
    for n, one in enumerate(told):
        shown |= {
            f"subject{n}": one.subject,
            f"lead{n}": one.lead,
            f"action{n}": one.action,
            f"link{n}": one.link or "",
        }
        shown |= {f"fact{n}_{m}": text for m, (_, text) in enumerate(one.facts)}
    return shown


@lru_cache
def _layout(name: str, shapes: tuple[Shape, ...]) -> str:
    """A layout for notices of these shapes, with a hole for each of `_texts`, to be filled by `%`.

    So what most mails have in common is rendered once. A hole is marked by a character that the layouts do not use.
    """
    told = [
        Told(
            subject=_hole(f"subject{n}"),
            lead=_hole(f"lead{n}"),
            facts=[(label, _hole(f"fact{n}_{m}")) for m, label in enumerate(labels)],
            action=_hole(f"action{n}"),
            link=_hole(f"link{n}") if linked else None,
            personal=personal,
        )
        for n, (labels, linked, personal) in enumerate(shapes)
    ]
    shown = {hole: _hole(hole) for hole in ("name", "organization", "subject")}
    rendered = _LAYOUT.get_template(name).render(shown, told=told)
    return re.sub("\x1f(.+?)\x1f", r"%(\1)s", rendered.replace("%", "%%"))


def _hole(name: str) -> str:
    return f"\x1f{name}\x1f"


def _named(name: str, address: str) -> str:
    """A name before an address. No longer than a line may be."""
    name = name[:200]
    return formataddr((name, address)) if _bare(name) else f"{mime.encoded(name, 'To')} <{address}>"


def _bare(text: str) -> bool:
    """Whether it can stand in a header as it is: what looks encoded would be decoded by its reader."""
    return text.isascii() and "=?" not in text


def line(text: str) -> str:
    """Text from elsewhere as one line: a name that holds a line break must not begin another header or paragraph."""
    return _GAPS.sub(" ", text).strip()


_GAPS = re.compile(r"[\s\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_USABLE = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9.-]+")


def _address(letter: Letter) -> str:
    """The address as every server understands it: names of domains in ASCII. Those of mailboxes have no such form."""
    local, _, domain = letter.address.rpartition("@")
    try:
        address = f"{local}@{domain.encode('idna').decode()}"
    except UnicodeError as error:
        raise AddressUnusable from error
    if not _USABLE.fullmatch(address):
        raise AddressUnusable
    return address


def _told(notice: Notice, letter: Letter) -> Told:
    zone = ZoneInfo(letter.time_zone)
    shown: dict[str, Any] = {
        "organization": line(letter.organization),
        "course": f"{line(notice.course)} {line(notice.version)}",
        "title": line(notice.course),
        "days": notice.days,
        "when": None if notice.starts_at is None else _when(notice.starts_at, notice.ends_at, zone),
        "starts_on": None if notice.starts_at is None else _day(notice.starts_at.astimezone(zone).date()),
        "due_on": None if notice.due_on is None else _day(notice.due_on),
        "expires_on": None if notice.expires_at is None else _day(clock.day_in(letter.time_zone, notice.expires_at)),
    }
    subject, lead, action = _said(notice.type, **shown)
    return Told(subject, lead, _facts(notice, shown, letter), action, notice.link, notice.personal)


@lru_cache
def _said(type: str, **shown: Any) -> tuple[str, str, str]:
    """Subject, sentences and what the link is called: most mails of a job say the same."""
    subject, lead, action = (line(part) for part in _words(f"{type}.txt").render(shown).split("\n---\n"))
    return subject, lead, action


def _facts(notice: Notice, shown: dict[str, Any], letter: Letter) -> list[tuple[str, str]]:
    granted_on = None if notice.granted_at is None else _day(clock.day_in(letter.time_zone, notice.granted_at))
    code = None if notice.code is None else "-".join(re.findall(".{1,4}", notice.code))
    found = [
        ("Course", line(notice.course)),
        ("Version", line(notice.version)),
        ("Due by", shown["due_on"]),
        ("When", shown["when"]),
        ("Where", notice.location),
        ("Join at", notice.join_url),
        ("Granted on", granted_on),
        ("Valid until", shown["expires_on"]),
        ("Licence code", code),
        ("Reason", notice.reason),
    ]
    return [(label, line(text)) for label, text in found if text]


def _when(starts_at: datetime, ends_at: datetime | None, zone: ZoneInfo) -> str:
    """Both ends in the reader's zone, whose name stands beside them. The day of the end where it is another."""
    start = starts_at.astimezone(zone)
    text = f"{start:%A} {_day(start.date())}, {start:%H:%M}"
    if ends_at is not None:
        end = ends_at.astimezone(zone)
        text += f" to {end:%H:%M}" if end.date() == start.date() else f" to {end:%A} {_day(end.date())}, {end:%H:%M}"
    return f"{text} ({zone.key})"


def _day(day: date) -> str:
    """Written out, because 06/07 is June to some and July to others."""
    return f"{day.day} {day:%B %Y}"


def _invitation(notice: Notice, sender: str, letter: Letter) -> bytes:
    """The calendar file as an invitation of this party, or as its withdrawal (iMIP, RFC 6047)."""
    method = "CANCEL" if notice.cancels else "REQUEST"
    calendar = Calendar.from_ical(notice.calendar or b"")
    calendar["METHOD"] = method
    for entry in calendar.walk("VEVENT"):
        entry.add("organizer", _participant(letter.organization, sender))
        attendee = _participant(letter.name, letter.address)
        attendee.params["RSVP"] = "FALSE"
        entry.add("attendee", attendee)
        if notice.cancels:
            entry["STATUS"] = "CANCELLED"
    return mime.text(
        calendar.to_ical().decode(),
        "calendar",
        parameters=f"; method={method}",
        disposition='attachment; filename="session.ics"',
    )


def _participant(name: str, address: str) -> vCalAddress:
    participant = vCalAddress(f"mailto:{line(address)}")
    participant.params["CN"] = line(name).replace('"', "'")
    return participant


_sender, _words, _wrapped = lru_cache(parseaddr), lru_cache(_WORDS.get_template), lru_cache(textwrap.fill)
