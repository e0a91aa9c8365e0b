"""Calls webhooks: many calls at a time in one process, and a few at a time per receiver.

A round claims due deliveries receiver by receiver, calls, settles the replies, and claims again while there are more.
No transaction is open during a call. A receiver that hangs occupies its own few places, and an organization with many
such receivers its own share of the places.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from threading import Lock
from typing import TypeVar

import psycopg
import structlog
from sqlalchemy.exc import SQLAlchemyError

from shared import clock, deliveries
from shared.deliveries import Call, Channel, Claimed, DeliveryCode, Line, Reply
from worker.app import available, config, parts

log = structlog.get_logger()

Found = TypeVar("Found")

AT_A_TIME = 64
EACH_AT_A_TIME = 8
ORG_AT_A_TIME = 16
"""The share of one organization: its hanging receivers must not take every place from another one's."""

EACH_CLAIMED = 128
"""Deliveries claimed per receiver ahead of their calls, so that the next call never waits for the database."""

LEASE_SECONDS = 60.0
LEAST_LEASE = timedelta(seconds=deliveries.CALL_SECONDS + 5)
"""The time for a call and its settling. A call with less lease left is not begun: another sender could repeat it."""

ROUND_SECONDS = 20.0
"""After this time a round claims no more and finishes its calls: a backlog must not keep a worker from stopping."""

PAUSE_SECONDS = 0.2
SETTLED_EVERY_SECONDS = 0.01
"""The replies of this interval are settled together."""

MOST_UNSETTLED = 32
"""Upper bound of replies that are not settled yet; no call begins above it. So a killed sender repeats at most these
and the calls under way, however slow the database is. Waiting for each reply to be settled would halve the speed."""

_claiming = Lock()
"""Held by the round of this process that claims: rounds do not share their places, so only one may claim at a time."""


def send(due: list[str]) -> None:
    """Call the webhooks of these organizations, unless a round of this process claims already.

    While calls are under way, the organizations with due deliveries are queried again and again.
    """
    if not _claiming.acquire(blocking=False):
        return
    own = _Round()
    try:
        asyncio.run(own.carry_out(due))
    finally:
        own.let_go()


@dataclass
class _Receiver:
    """One webhook: the calls that are claimed and waiting, and the number of tasks that make its calls."""

    org_id: str
    waiting: deque[Call] = field(default_factory=deque)
    serving: int = 0

    @property
    def full(self) -> bool:
        """True if enough is claimed for a while."""
        return len(self.waiting) > EACH_CLAIMED // 2


class _Round:
    def __init__(self) -> None:
        self._until = time.monotonic() + ROUND_SECONDS
        self._claims = True
        self._ended = False
        self._receivers: dict[str, _Receiver] = {}
        self._places = asyncio.Semaphore(AT_A_TIME)
        self._shares: dict[str, asyncio.Semaphore] = {}
        self._serving: set[asyncio.Task[None]] = set()
        self._unsettled = 0
        self._replies: list[tuple[str, Call, Reply]] = []
        self._news = asyncio.Event()

    async def carry_out(self, due: list[str]) -> None:
        """Claim, call and settle until nothing is due or under way. due: the organizations to begin with."""
        async with deliveries.open_line(allow_private=config.webhooks_allow_private, most=AT_A_TIME) as line:
            settling, queried = asyncio.create_task(self._keep_settling()), time.monotonic()
            while time.monotonic() < self._until and (await self._claim(due, line) or self._serving):
                await self._news_or_pause()
                if time.monotonic() > queried + PAUSE_SECONDS:
                    due, queried = await _in_a_thread(_due) or [], time.monotonic()
            self.let_go()
            await self._give_back(self._receivers.values())
            while self._serving:
                await asyncio.wait(self._serving)
            self._ended = True
            await settling

    def let_go(self) -> None:
        """Claim no more, so that another round of this process can begin."""
        if self._claims:
            self._claims = False
            _claiming.release()

    async def _news_or_pause(self) -> None:
        try:
            await asyncio.wait_for(self._news.wait(), PAUSE_SECONDS)
        except TimeoutError:
            return
        self._news.clear()

    # --- claiming and calling

    async def _claim(self, due: list[str], line: Line) -> int:
        """Claim for every receiver that has room, and start calls. Returns 0 only if nothing is left to claim.

        Receivers that were passed over count, because they may need more by now.
        """
        found = 0
        for org_id in due:
            full = [name for name, one in self._receivers.items() if one.org_id == org_id and one.full]
            calls = await _in_a_thread(partial(_claim, org_id, full)) or []
            for call in calls:
                self._receivers.setdefault(call.claimed.receiver, _Receiver(org_id)).waiting.append(call)
            found += len(calls) + len(full)
            self._serve(line)
        return found

    def _serve(self, line: Line) -> None:
        for receiver in self._receivers.values():
            for _ in range(min(EACH_AT_A_TIME, receiver.serving + len(receiver.waiting)) - receiver.serving):
                receiver.serving += 1
                task = asyncio.create_task(self._call(receiver, line))
                self._serving.add(task)
                task.add_done_callback(self._serving.discard)

    async def _call(self, receiver: _Receiver, line: Line) -> None:
        share = self._shares.setdefault(receiver.org_id, asyncio.Semaphore(ORG_AT_A_TIME))
        try:
            while receiver.waiting:
                async with share, self._places:  # in this order: who waits for its share takes no place
                    while self._unsettled >= MOST_UNSETTLED:
                        await asyncio.sleep(SETTLED_EVERY_SECONDS)
                    if not receiver.waiting:
                        break
                    call, now = receiver.waiting.popleft(), clock.now()
                    if call.claimed.leased_until - now < LEAST_LEASE:
                        continue  # due again when its lease ends
                    reply = await line.call(call.message, now)
                    self._unsettled += 1
                    self._replies.append((receiver.org_id, call, reply))
                    if len(receiver.waiting) in (0, EACH_CLAIMED // 2):
                        self._news.set()
        finally:
            receiver.serving -= 1

    # --- settling

    async def _keep_settling(self) -> None:
        while not self._ended:
            await asyncio.sleep(SETTLED_EVERY_SECONDS)
            await self._settle()
        await self._settle()

    async def _settle(self) -> None:
        replies, self._replies = self._replies, []
        by_org: dict[str, list[tuple[Call, Reply]]] = {}
        for org_id, call, reply in replies:
            by_org.setdefault(org_id, []).append((call, reply))
        for org_id, its_replies in by_org.items():
            broken = await _in_a_thread(partial(_settle, org_id, its_replies)) or ()
            self._unsettled -= len(its_replies)
            await self._give_back([self._receivers[name] for name in broken])

    async def _give_back(self, receivers: Iterable[_Receiver]) -> None:
        """Release the calls that are claimed and not begun."""
        for receiver in receivers:
            waiting = [call.claimed for call in receiver.waiting]
            receiver.waiting.clear()
            if waiting:
                await _in_a_thread(partial(_release, receiver.org_id, waiting))


# --- transactions, each in a thread of its own


def _due() -> list[str]:
    with parts.database.transaction(None) as db:
        return deliveries.organizations_with_due_deliveries(db, Channel.WEBHOOK, clock.now())


def _claim(org_id: str, full: list[str]) -> list[Call]:
    with parts.database.transaction(org_id) as db:
        if not available(db):
            return []
        now = clock.now()
        found = deliveries.claim_calls(db, now, EACH_CLAIMED, LEASE_SECONDS, passing_over=full)
        if not found:
            deliveries.suppress_unwanted(db, now)
        return found


def _settle(org_id: str, replies: list[tuple[Call, Reply]]) -> set[str]:
    if all(reply.code is DeliveryCode.DELIVERED for _, reply in replies):
        deliveries.settle_delivered(parts.database, org_id, replies, clock.now())
        return set()
    with parts.database.transaction(org_id) as db:
        return deliveries.settle_calls(db, replies, clock.now())


def _release(org_id: str, claimed: list[Claimed]) -> None:
    with parts.database.transaction(org_id) as db:
        deliveries.release(db, claimed)


async def _in_a_thread(work: Callable[[], Found]) -> Found | None:
    """Run database work in a thread. Returns its result, or None after a database error: the deliveries concerned are
    due again, at the latest when their leases end."""
    try:
        return await asyncio.to_thread(work)
    except (SQLAlchemyError, psycopg.Error) as error:
        log.warning("deliveries interrupted", exc_info=error)
        return None
