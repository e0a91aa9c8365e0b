"""The pieces of a notice's decision: how a mail is declared, and the rows that a batch of deliveries is about."""

import uuid
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
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
from shared.texts import Words, language_of

STALE_AFTER = timedelta(days=3)
"""An older event is not sent: no sender could send it in time, or training was not available."""


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


@dataclass(frozen=True)
class Told:
    """The event of a mail that a party was sent, or is perhaps being sent by another process now."""

    sequence: int
    type: str
    recorded_at: datetime
    data: Mapping[str, Any]


@dataclass
class Situation:
    """The rows that a batch of deliveries of one organization is about, read just before sending.

    unwanted: jobs that were requested without notifications. replaced_for: by reassigned assignment, the party that has
    the one made instead; its own, if it was moved to another course. rosters: (session id, party id). told: by event
    subject and party id, what the party was told by mail before, in the order of the events; only of mails that ask for
    it (`MailKind.looks_back`). mails_today: the mails that each party got within 24 hours.
    """

    organization: access.Organization
    settings: Settings
    now: datetime
    events: Mapping[int, Event]
    parties: Mapping[str, Party]
    unwanted: Collection[uuid.UUID]
    assignments: Mapping[uuid.UUID, Named]
    replaced_for: Mapping[uuid.UUID, str]
    sessions: Mapping[uuid.UUID, Named]
    rosters: Collection[tuple[uuid.UUID, str]]
    told: Mapping[tuple[str, str], Sequence[Told]]
    licences: Mapping[uuid.UUID, Named]
    mails_today: Counter[str] = field(default_factory=Counter)
    _calendars: dict[uuid.UUID, bytes] = field(default_factory=dict)

    @cached_property
    def today(self) -> date:
        """The current day in the organization's time zone."""
        return clock.day_in(self.organization.time_zone, self.now)

    def words_for(self, party_id: str) -> Words:
        """The words in which a party is told something: its own language and zone, or else the organization's."""
        party, organization = self.parties.get(party_id), self.organization
        language = language_of(party.language if party else None, organization.language)
        zone = (party.time_zone if party else None) or organization.time_zone
        return Words(language, zone, self.now)

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
    def by_subject(self) -> Mapping[str, Sequence[Event]]:
        """The events of this batch by subject, in their order."""
        found: dict[str, list[Event]] = defaultdict(list)
        for _, event in sorted(self.events.items()):
            found[event.subject].append(event)
        return found

    @cached_property
    def links(self) -> SessionLinks:
        """Mints the session links of parties without an account."""
        return SessionLinks(self.settings)


@dataclass(frozen=True)
class MailKind:
    """The declaration of one mail. To add one, see `worker.notices`.

    type: of the event; it names the template too. notice: checks that the mail is still true and returns its facts, or
    raises Irrelevant. addressees: the recipients, selected by the planner.
    looks_back: the decision depends on what the party was told before. corrects: it tells a change of what was told, so
    a later reminder in the same mail does not replace it. withdraws: it takes back what was told: a duty or an
    invitation, whose calendar entry it removes.
    """

    type: str
    notice: Callable[[Situation, "Case"], Notice]
    addressees: Addressees = deliveries.the_party
    looks_back: bool = False
    corrects: bool = False
    withdraws: bool = False


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

    @property
    def own_act(self) -> bool:
        """True if the party did it itself, also as a member."""
        actor = (self.event.actor_type, self.event.actor_id)
        return actor in (("party", self.party.id), ("member", self.party.member_id))

    def told(self, at: Situation) -> Sequence[Told]:
        """The earlier mails to the party about the subject, in the order of the events."""
        return at.told.get((self.event.subject, self.party.id), ())

    def need_told(self, at: Situation) -> Told:
        """The last mail to the party about the subject. Raises Irrelevant if there was none."""
        told = self.told(at)
        if not told:
            raise Irrelevant(DeliveryCode.NEVER_TOLD)
        return told[-1]

    def need_news(self, at: Situation, fact: Callable[[Mapping[str, Any]], object]) -> None:
        """Raise Irrelevant if the party was told the same fact before. fact: of the data of an event of this type."""
        mine = fact(self.event.data)
        if any(told.type == self.kind.type and fact(told.data) == mine for told in self.told(at)):
            raise Irrelevant(DeliveryCode.ALREADY_TOLD)

    def former(self, at: Situation, name: str) -> Any:
        """The value of a field before the first change of this batch: the values in between were never told."""
        changes = (event.data.get("former") or {} for event in at.by_subject[self.event.subject])
        return next((former[name] for former in changes if name in former), None)


def id_of_subject(event: Event) -> uuid.UUID:
    """The id in the subject of an event, such as `assignment/<id>`."""
    return uuid.UUID(event.subject.partition("/")[2])
