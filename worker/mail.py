"""Sending mails: claim what is due, write what is still true, hand it in with no transaction open, settle each.

Mails go out over a few connections at once, so that one recipient for whom the mail server takes its time holds up
only those behind it. Each is settled before its connection takes the next: whoever is killed repeats at most that one.
"""

import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

import structlog
from sqlalchemy.orm import Session

from shared import clock, deliveries
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
from worker import notices
from worker.app import available, config, workshop
from worker.notices import Irrelevant, Situation
from worker.settling import Results, settled_together

log = structlog.get_logger()

BATCH = 400
"""Deliveries claimed at a time: with what is due to the same parties from the same jobs they may be more."""

LEASE_SECONDS = 120.0
SENDING_SECONDS = 20.0
"""How long one task goes on; the limit of a task is 45 s, and a mail may take 10 s for each of its steps."""


@dataclass(frozen=True)
class Mail:
    """A mail about to be sent, and the deliveries that it settles."""

    envelope: Envelope
    claimed: Sequence[Claimed]


class Post:
    """The mail server as this process knows it; opened by the first who sends. connections: so many at a time."""

    server: MailServer | None = None
    connections = 8

    def open(self) -> MailServer | None:
        """The mail server, or None where none is configured."""
        if self.server is None and config.smtp_url is not None:
            self.server = MailServer(config.smtp_url)
        return self.server


post = Post()


def send(org_ids: list[str]) -> None:
    """Send what is due in these organizations, in turns, for a while; pass the wake-up on where that was too short."""
    until = time.monotonic() + SENDING_SECONDS
    server, waiting = post.open(), deque(org_ids)
    while waiting and time.monotonic() < until:
        if server is not None and server.pausing:
            return
        org_id = waiting.popleft()
        if _send_batch(org_id, server, until):
            waiting.append(org_id)
    if waiting:
        workshop.broker.send("deliveries.send", str(Channel.EMAIL))


def _send_batch(org_id: str, server: MailServer | None, until: float) -> bool:
    """Send one batch. Answers whether there may be more."""
    with workshop.database.transaction(org_id) as db:
        claimed = deliveries.claim(db, Channel.EMAIL, clock.now(), BATCH, LEASE_SECONDS) if available(db) else []
    if not claimed:
        return False
    with workshop.database.transaction(org_id) as db:
        mails = _prepare(db, claimed, clock.now(), configured=server is not None)
    if server is not None and mails:
        waiting = deque(mails)
        with (
            settled_together(workshop.database, org_id) as results,
            ThreadPoolExecutor(min(post.connections, len(mails)), thread_name_prefix="mail") as threads,
        ):
            list(threads.map(lambda _: _hand_in(waiting, server, until, results), range(post.connections)))
        with workshop.database.transaction(org_id) as db:
            deliveries.release(db, [one for mail in waiting for one in mail.claimed])
    return True


def _prepare(db: Session, claimed: Sequence[Claimed], now: datetime, *, configured: bool) -> list[Mail]:
    """Settle what is not to be told, and answer the mails that tell the rest.

    All are written in one go: a mail at a time, between conversations, would take the processor three times as long.
    """
    if not configured:
        nobody = Settled(DeliveryState.SUPPRESSED, DeliveryCode.MAIL_NOT_CONFIGURED)
        deliveries.settle_all(db, dict.fromkeys(claimed, nobody), now)
        return []
    situation = notices.look(db, claimed, config, now)
    settled: dict[Claimed, Settled] = {}
    told: dict[tuple[object, ...], dict[Claimed, Notice]] = {}
    for one in claimed:
        try:
            notice = situation.notice(one)
        except Irrelevant as error:
            settled[one] = Settled(DeliveryState.SUPPRESSED, error.code)
        except Exception as error:
            log.error("notice failed", delivery=str(one.id), type=one.event_type, exc_info=error)
            settled[one] = deliveries.again(one, DeliveryCode.FAILED_HERE, now)
        else:
            told.setdefault((one.receiver, one.job_id, one.attempts), {})[one] = notice
    mails = []
    for found in told.values():
        latest = _latest(found, situation)
        said = Settled(DeliveryState.SUPPRESSED, DeliveryCode.TOLD_BY_ANOTHER)
        settled |= dict.fromkeys(found.keys() - latest.keys(), said)
        written = _written(latest, situation, now)
        if isinstance(written, Settled):
            settled |= dict.fromkeys(latest, written)
        else:
            mails.append(Mail(written, list(latest)))
    deliveries.settle_all(db, settled, now)
    return mails


def _latest(found: dict[Claimed, Notice], situation: Situation) -> dict[Claimed, Notice]:
    """Of several that tell of one thing the last: it says how things are now. They are in the order of their events."""
    last = {situation.events[one.sequence].subject: one for one in found}
    return {one: notice for one, notice in found.items() if one in last.values()}


def _written(told: dict[Claimed, Notice], situation: Situation, now: datetime) -> Envelope | Settled:
    """The mail that tells this, or why there is none."""
    first = next(iter(told))
    if situation.mails_today[first.receiver] >= config.mails_a_day:
        return Settled(DeliveryState.SUPPRESSED, DeliveryCode.DAILY_LIMIT)
    try:
        envelope = compose(_letter(told, situation), config.mail_from, now)
    except AddressUnusable:
        return Settled(DeliveryState.FAILED, DeliveryCode.ADDRESS_UNUSABLE)
    except Exception as error:
        return _failed_here(first, error, now)
    situation.mails_today[first.receiver] += 1
    return envelope


def _letter(told: dict[Claimed, Notice], situation: Situation) -> Letter:
    first = next(iter(told))
    party = situation.parties[first.receiver]
    assert party.email is not None
    return Letter(
        id=first.id,
        organization=situation.organization.name,
        name=party.display_name,
        address=party.email,
        time_zone=party.time_zone or situation.organization.time_zone,
        notices=list(told.values()),
    )


def _hand_in(waiting: deque[Mail], server: MailServer, until: float, results: Results) -> None:
    """Hand in over one connection what is waiting: until nothing is, the time is over, or the server needs a pause.

    Each mail is settled before the next is handed in.
    """
    while waiting and time.monotonic() < until and not server.pausing:
        with suppress(IndexError):  # another connection may have taken the last
            mail = waiting.popleft()
            settled = _tried(mail.claimed[0], mail.envelope, server, clock.now())
            results.settle(dict.fromkeys(mail.claimed, settled)).result()


def _tried(claimed: Claimed, envelope: Envelope, server: MailServer, now: datetime) -> Settled:
    """What became of it. Nothing that is logged of it names anybody."""
    try:
        return Settled(DeliveryState.SENT, DeliveryCode.DELIVERED, server.hand_in(envelope))
    except NotTaken as error:
        log.warning("mail not taken", delivery=str(claimed.id), code=str(error.code), status=error.status)
        if error.final:
            return Settled(DeliveryState.FAILED, error.code, error.status)
        return deliveries.again(claimed, error.code, now, status=error.status)
    except Exception as error:
        return _failed_here(claimed, error, now)


def _failed_here(claimed: Claimed, error: Exception, now: datetime) -> Settled:
    log.error("mail failed", delivery=str(claimed.id), exc_info=error)
    return deliveries.again(claimed, DeliveryCode.FAILED_HERE, now)
