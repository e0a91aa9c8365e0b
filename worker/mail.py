"""Sends mails: claims due deliveries, composes those that are still true, hands the mails in with no transaction open,
and settles each.

Mails go out over several connections at once, so that a slow recipient delays only the mails behind it. Each mail is
settled before its connection takes the next one: a killed sender repeats at most one mail per connection.
"""

import time
from collections import deque
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from threading import Lock

import structlog
from sqlalchemy.orm import Session

from shared import clock, deliveries, deployment
from shared.deliveries import (
    AddressUnusable,
    Channel,
    Claimed,
    DeliveryCode,
    DeliveryState,
    Envelope,
    Letter,
    MailServer,
    Notice,
    NotTaken,
    Settled,
    compose,
)
from shared.texts import reading
from worker import notices
from worker.app import available, config, parts
from worker.notices import Irrelevant, Situation
from worker.settling import Results, settled_together

log = structlog.get_logger()

BATCH = 400
"""Deliveries claimed at a time. It may be more: all that are due of one party and job are claimed together."""

TURN_SECONDS = 5.0
"""After this time the mails of an organization wait if another organization's are due too."""

LEASE_SECONDS = 120.0
SENDING_SECONDS = 20.0
"""After this time a task begins no further mail. The limit of a task is 45 s, and a mail may take 10 s per step."""


@dataclass(frozen=True)
class Mail:
    """A mail to be sent, and the deliveries that it settles."""

    envelope: Envelope
    claimed: Sequence[Claimed]


class Post:
    """The mail server of this process, opened at the first use. connections: how many are used at a time."""

    server: MailServer | None = None
    connections = 8

    def open(self) -> MailServer | None:
        """The mail server, or None if none is configured."""
        if self.server is None and config.smtp_url is not None:
            self.server = MailServer(config.smtp_url)
        return self.server


post = Post()


class Turns:
    """Whose mails this process sends: those of an organization in one task at a time, and in turns."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._sending: set[str] = set()
        self._served: dict[str, float] = {}

    @contextmanager
    def next_of(self, org_ids: Collection[str]) -> Iterator[str | None]:
        """The organization that was served longest ago and whose mails no other task sends now. None: there is none."""
        with self._lock:
            free = sorted(set(org_ids) - self._sending, key=lambda org_id: (self._served.get(org_id, 0.0), org_id))
            chosen = free[0] if free else None
            if chosen is not None:
                self._sending.add(chosen)
                self._served[chosen] = time.monotonic()
        try:
            yield chosen
        finally:
            with self._lock:
                self._sending.discard(chosen or "")


turns = Turns()


def send(org_ids: list[str]) -> None:
    """Send the due mails of these organizations, a batch of each in turn. Sends another wake-up if time runs out.

    A process without a mail server leaves them to one that has it. If mail is switched off, they are suppressed.
    """
    until = time.monotonic() + SENDING_SECONDS
    server, waiting = post.open(), set(org_ids)
    with parts.database.transaction(None) as db:
        on = deployment.mail_is_on(db)
    if on and server is None:
        return  # a sender that has a mail server takes them
    while waiting and time.monotonic() < until:
        if server is not None and server.pausing:
            return
        with turns.next_of(waiting) as org_id:
            if org_id is None:
                return  # the tasks that send their mails go on with them
            share = until if len(waiting) == 1 else min(until, time.monotonic() + TURN_SECONDS)
            if not _send_batch(org_id, server if on else None, share):
                waiting.discard(org_id)
    if waiting:
        parts.broker.send("deliveries.send", str(Channel.EMAIL))


def _send_batch(org_id: str, server: MailServer | None, until: float) -> bool:
    """Send one batch. Returns True if more may be due."""
    with parts.database.transaction(org_id) as db:
        claimed = deliveries.claim(db, Channel.EMAIL, clock.now(), BATCH, LEASE_SECONDS) if available(db) else []
    if not claimed:
        return False
    with parts.database.transaction(org_id) as db:
        mails = _prepare(db, claimed, clock.now(), on=server is not None)
    if server is not None and mails:
        waiting = deque(mails)
        with (
            settled_together(parts.database, org_id) as results,
            ThreadPoolExecutor(min(post.connections, len(mails)), thread_name_prefix="mail") as threads,
        ):
            list(threads.map(lambda _: _hand_in(waiting, server, until, results), range(post.connections)))
        with parts.database.transaction(org_id) as db:
            deliveries.release(db, [one for mail in waiting for one in mail.claimed])
    return True


def _prepare(db: Session, claimed: Sequence[Claimed], now: datetime, *, on: bool) -> list[Mail]:
    """Settle the deliveries that are not to be sent, and return the mails for the others.

    All are composed before the first is handed in: composing each between two SMTP conversations would take three times
    the processor time.
    """
    if not on:
        suppressed = Settled(DeliveryState.SUPPRESSED, DeliveryCode.MAIL_NOT_CONFIGURED)
        deliveries.settle_all(db, dict.fromkeys(claimed, suppressed), now)
        return []
    situation = notices.look(db, claimed, config, now)
    settled: dict[Claimed, Settled] = {}
    mails = []
    for found in _grouped(claimed, situation, settled, now):
        latest = _latest(found, situation)
        replaced = Settled(DeliveryState.SUPPRESSED, DeliveryCode.TOLD_BY_ANOTHER)
        settled |= dict.fromkeys(found.keys() - latest.keys(), replaced)
        composed = _composed(latest, situation, now)
        if isinstance(composed, Settled):
            settled |= dict.fromkeys(latest, composed)
        else:
            mails.append(Mail(composed, list(latest)))
    deliveries.settle_all(db, settled, now)
    return mails


def _grouped(
    claimed: Sequence[Claimed], situation: Situation, settled: dict[Claimed, Settled], now: datetime
) -> Collection[dict[Claimed, Notice]]:
    """The notices to send, grouped into mails: those of one party, job and number of attempts are one mail.

    Puts the deliveries without a notice into `settled`.
    """
    groups: dict[tuple[object, ...], dict[Claimed, Notice]] = {}
    for one in claimed:
        try:
            with reading(situation.words_for(one.receiver)):
                notice = notices.notice(situation, one)
        except Irrelevant as error:
            settled[one] = Settled(DeliveryState.SUPPRESSED, error.code)
        except Exception as error:
            log.error("notice failed", delivery=str(one.id), type=one.event_type, exc_info=error)
            settled[one] = deliveries.retry_later(one, DeliveryCode.FAILED_HERE, now)
        else:
            groups.setdefault((one.receiver, one.job_id, one.attempts), {})[one] = notice
    return groups.values()


def _latest(found: dict[Claimed, Notice], situation: Situation) -> dict[Claimed, Notice]:
    """The notices of each subject that no later one replaces. `found` is in the order of the events."""
    kept: dict[str, list[Claimed]] = {}
    for one in reversed(found):
        of_subject = kept.setdefault(situation.events[one.sequence].subject, [])
        if not any(notices.replaces(later.event_type, one.event_type) for later in of_subject):
            of_subject.append(one)
    last = {one for of_subject in kept.values() for one in of_subject}
    return {one: notice for one, notice in found.items() if one in last}


def _composed(found: dict[Claimed, Notice], situation: Situation, now: datetime) -> Envelope | Settled:
    """The mail with these notices, or the result if none is sent."""
    first = next(iter(found))
    if situation.mails_today[first.receiver] >= config.mails_a_day:
        return Settled(DeliveryState.SUPPRESSED, DeliveryCode.DAILY_LIMIT)
    try:
        envelope = compose(_letter(found, situation), config.mail_from, now)
    except AddressUnusable:
        return Settled(DeliveryState.FAILED, DeliveryCode.ADDRESS_UNUSABLE)
    except Exception as error:
        return _failed_here(first, error, now)
    situation.mails_today[first.receiver] += 1
    return envelope


def _letter(found: dict[Claimed, Notice], situation: Situation) -> Letter:
    first = next(iter(found))
    party = situation.parties[first.receiver]
    assert party.email is not None
    words = situation.words_for(first.receiver)
    return Letter(
        id=first.id,
        organization=situation.organization.name,
        name=party.display_name,
        address=party.email,
        time_zone=words.zone,
        language=words.language,
        notices=list(found.values()),
    )


def _hand_in(waiting: deque[Mail], server: MailServer, until: float, results: Results) -> None:
    """Hand in waiting mails over one connection until there are none, the time is over, or the server needs a pause.

    Each mail is settled before the next one is handed in.
    """
    while waiting and time.monotonic() < until and not server.pausing:
        with suppress(IndexError):  # another thread may have taken the last one
            mail = waiting.popleft()
            settled = _attempt(mail.claimed[0], mail.envelope, server, clock.now())
            results.settle(dict.fromkeys(mail.claimed, settled)).result()


def _attempt(claimed: Claimed, envelope: Envelope, server: MailServer, now: datetime) -> Settled:
    """Hand one mail in. Returns the result. The log contains neither names nor addresses."""
    try:
        return Settled(DeliveryState.SENT, DeliveryCode.DELIVERED, server.hand_in(envelope))
    except NotTaken as error:
        log.warning("mail not taken", delivery=str(claimed.id), code=str(error.code), status=error.status)
        if error.final:
            return Settled(DeliveryState.FAILED, error.code, error.status)
        return deliveries.retry_later(claimed, error.code, now, status=error.status)
    except Exception as error:
        return _failed_here(claimed, error, now)


def _failed_here(claimed: Claimed, error: Exception, now: datetime) -> Settled:
    log.error("mail failed", delivery=str(claimed.id), exc_info=error)
    return deliveries.retry_later(claimed, DeliveryCode.FAILED_HERE, now)
