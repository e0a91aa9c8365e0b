"""The pieces of a notice's decision: how a mail is declared, and the rows that a batch of deliveries is about."""

import uuid
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Any

from shared import access, clock, deliveries, sessions
from shared.assignments import SessionLinks
from shared.deliveries import Addressees, DeliveryCode, Notice
from shared.directory import Party
from shared.events import Event
from shared.settings import Settings

STALE_AFTER = timedelta(days=3)
"""An older event is not sent: no sender could send it in time, or training was not available."""

OF_ONE_DAY = timedelta(days=2)
"""The same for notices about a certain day, such as a reminder of a due date."""


class Irrelevant(Exception):
    """The delivery is not sent. code: the reason."""

    def __init__(self, code: DeliveryCode) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True)
class Named:
    """A row of an assignment, a session or a licence, with its course's title and its version's label."""

    row: Any
    title: str
    label: str


@dataclass
class Situation:
    """The rows that a batch of deliveries of one organization is about, read just before sending.

    unwanted: jobs that were requested without notifications. rosters: (session id, party id). invited: (event subject,
    party id) of the invitations that were sent. mails_today: the mails that each party got within 24 hours.
    """

    organization: access.Organization
    settings: Settings
    now: datetime
    events: Mapping[int, Event]
    parties: Mapping[str, Party]
    unwanted: Collection[uuid.UUID]
    assignments: Mapping[uuid.UUID, Named]
    sessions: Mapping[uuid.UUID, Named]
    rosters: Collection[tuple[uuid.UUID, str]]
    invited: Collection[tuple[str, str]]
    licences: Mapping[uuid.UUID, Named]
    mails_today: Counter[str] = field(default_factory=Counter)
    _calendars: dict[uuid.UUID, bytes] = field(default_factory=dict)

    @cached_property
    def today(self) -> date:
        """The current day in the organization's time zone."""
        return clock.day_in(self.organization.time_zone, self.now)

    def calendar_of(self, session: Named) -> bytes:
        """A session's calendar file: the same for everybody on its roster."""
        session_id = session.row.id
        if session_id not in self._calendars:
            self._calendars[session_id] = sessions.calendar_file(
                session.row,
                session.title,
                session.label,
                organizer_name=self.organization.name,
                organizer_address=self.settings.sender_address,
            )
        return self._calendars[session_id]

    @cached_property
    def links(self) -> SessionLinks:
        """Mints the session links of parties without an account."""
        return SessionLinks(self.settings)


@dataclass(frozen=True)
class MailKind:
    """The declaration of one mail. To add one, see `worker.notices`.

    type: of the event; it names the template too. notice: checks that the mail is still true and returns its facts, or
    raises Irrelevant. addressees: the recipients, selected by the planner. stale_after: an older event is not sent.
    cancels: the mail withdraws an invitation, so it removes the calendar entry, and is for invited parties only.
    """

    type: str
    notice: Callable[[Situation, "Case"], Notice]
    addressees: Addressees = deliveries.the_party
    stale_after: timedelta = STALE_AFTER
    cancels: bool = False


@dataclass(frozen=True)
class Case:
    """One delivery to decide about: the kind of mail, its event and its recipient."""

    kind: MailKind
    event: Event
    party: Party

    @property
    def subject_id(self) -> uuid.UUID:
        """The id of the assignment, session or licence that the event is about."""
        return id_of_subject(self.event)


def id_of_subject(event: Event) -> uuid.UUID:
    """The id in the subject of an event, such as `assignment/<id>`."""
    return uuid.UUID(event.subject.partition("/")[2])
