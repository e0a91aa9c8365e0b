"""A whole history moved in at once: a check of any day says what a model says, nobody is mailed, an undo works."""

import random
from collections import defaultdict
from datetime import date, timedelta
from typing import Any

import pytest
import time_machine
from fastapi import FastAPI
from sqlalchemy import func, select

from api.http.parts import Parts
from shared import clock
from shared.access import Permission
from shared.deliveries import Channel, Delivery
from shared.licences.records.models import RecordRow
from tests.deliveries.receiving import plan
from tests.drain import InProcessWorker
from tests.factories import Org, add_org
from tests.feed import recorded
from tests.licences.dating import NOW, ZONE
from tests.licences.sweeps import sweep
from tests.records.importing import bring_in, record, undo

RECORDS_A_PERSON = 4
FIRST = date(2021, 1, 1)
MOST_CHECKED = 500
"""Parties in one check."""

Spans = dict[tuple[str, str], list[tuple[date, date]]]
"""First and last day of each record, by person and course."""


def check(org: Org, people: list[str], courses: list[str], day: date) -> dict[tuple[str, str], bool]:
    """The answers of the check for the end of a day, by person and course."""
    client, found = org.client(Permission.CHECK_LICENCES), {}
    for at in range(0, len(people), MOST_CHECKED):
        asked = {"partyIds": people[at : at + MOST_CHECKED], "courseIds": courses, "at": day.isoformat()}
        for item in client.post("/v1/licences/check", json=asked).json()["items"]:
            found[item["partyId"], item["courseId"]] = bool(item["licensed"])
    return found


def history(people: list[str], courses: list[str], chance: random.Random) -> tuple[list[Any], Spans]:
    """Records at random, none of which has a notice due, as they are sent and as a model knows them."""
    spans: Spans = defaultdict(list)
    sent = []
    for n, who in enumerate(people * RECORDS_A_PERSON):
        course, begins = chance.choice(courses), FIRST + timedelta(days=chance.randrange(1800))
        ends = begins + timedelta(days=chance.randrange(200, 1200))
        if abs((ends - NOW.date()).days) <= 70:
            ends -= timedelta(days=140)
        spans[who, course].append((begins, ends))
        sent.append(record(who, course, begins.isoformat(), ends.isoformat(), number=str(n)))
    return sent, spans


def filled(org: Org, size: int) -> tuple[list[str], list[str]]:
    """People with addresses, and courses."""
    people = [f"emp-{n:05}" for n in range(size)]
    rows = [{"entityId": one, "displayName": one, "email": f"{one}@example.org"} for one in people]
    assert org.client().put("/v1/parties", json={"parties": rows}).json()["created"] == size
    return people, [org.with_course() for _ in range(3)]


def mails(org: Org) -> int:
    """Plan every event. Returns how many mails were planned so far."""
    from worker.notices import MAILED

    while plan(org, mailed=MAILED):
        pass
    with org.transaction() as db:
        mailed = Delivery.org_id == org.id, Delivery.channel == Channel.EMAIL
        return db.scalar(select(func.count()).select_from(Delivery).where(*mailed)) or 0


@pytest.mark.timeout(600)
@pytest.mark.parametrize("size", [100, pytest.param(5_000, marks=pytest.mark.matrix)])
def test_a_history_is_checked_told_and_undone_as_a_model_says(
    size: int, app: FastAPI, parts: Parts, worker: InProcessWorker
) -> None:
    chance = random.Random(size)
    with time_machine.travel(NOW, tick=False) as time:
        org = add_org(app, parts, time_zone=ZONE)
        people, courses = filled(org, size)
        sent, spans = history(people, courses, chance)
        before = {day: check(org, people, courses, day) for day in (FIRST, NOW.date())}
        job = bring_in(org, worker, sent)
        assert (job["state"], job["counts"]["succeeded"]) == ("succeeded", len(sent))
        for n in range(10):
            day = FIRST + timedelta(days=200 * n + chance.randrange(200))
            model = {
                (who, course): any(begins <= day <= ends for begins, ends in spans.get((who, course), ()))
                for who in people
                for course in courses
            }
            assert check(org, people, courses, day) == model, day
        sweep(org, clock.now())
        assert recorded(org, "licence.expired", "licence.expiring") == []
        assert mails(org) == 0
        time.shift(timedelta(days=1))
        assert bring_in(org, worker, sent)["counts"]["unchanged"] == len(sent)
        assert undo(org, worker, job)["counts"]["succeeded"] == len(sent)
        assert {day: check(org, people, courses, day) for day in before} == before
        assert org.client().get("/v1/licences").json()["items"] == []
        with org.transaction() as db:
            assert db.scalar(select(func.count()).select_from(RecordRow)) == 0
