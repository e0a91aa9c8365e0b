"""The check of any day says what a model says that knows nothing but spans: imports and undos in any order."""

from datetime import date, timedelta

import time_machine
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from api.http.parts import Parts
from shared import clock
from tests.drain import InProcessWorker
from tests.factories import add_org
from tests.feed import recorded
from tests.licences.dating import NOW, ZONE
from tests.licences.sweeps import sweep
from tests.records.importing import bring_in, licences, record, undo

FIRST = date(2024, 1, 1)
PEOPLE = ("a", "b")

spans = st.tuples(st.sampled_from(PEOPLE), st.integers(0, 790), st.integers(0, 700))
"""A party, the day of its training after the first one, and the days that the record lasts."""

acts = st.lists(st.lists(spans, min_size=1, max_size=5), min_size=1, max_size=4)
undone = st.lists(st.integers(0, 3), max_size=3, unique=True)


def ends(begin: int, lasts: int) -> tuple[date, date]:
    return FIRST + timedelta(days=begin), FIRST + timedelta(days=begin + lasts)


@settings(
    max_examples=12, deadline=None, suppress_health_check=list(HealthCheck), database=None, phases=[Phase.generate]
)
@given(imports=acts, taken=undone, days=st.lists(st.integers(-5, 1600), min_size=10, max_size=10))
def test_the_check_of_a_day_says_what_a_model_of_spans_says(
    app: FastAPI,
    parts: Parts,
    worker: InProcessWorker,
    imports: list[list[tuple[str, int, int]]],
    taken: list[int],
    days: list[int],
) -> None:
    with time_machine.travel(NOW, tick=False) as time:
        org = add_org(app, parts, time_zone=ZONE)
        org.with_parties(*PEOPLE)
        course = org.with_course()
        jobs = []
        for n, rows in enumerate(imports):
            sent = [
                record(who, course, *(day.isoformat() for day in ends(begin, lasts)), number=f"{n}-{row}")
                for row, (who, begin, lasts) in enumerate(rows)
            ]
            jobs.append(bring_in(org, worker, sent))
            time.shift(timedelta(days=1))
        for n in [n for n in taken if n < len(jobs)]:
            assert undo(org, worker, jobs[n])["counts"]["unchanged"] == 0
            time.shift(timedelta(days=1))
        left = [row for n, rows in enumerate(imports) if n not in taken for row in rows]
        client = org.client()
        for day in (FIRST + timedelta(days=n) for n in days):
            asked = {"partyIds": PEOPLE, "courseIds": [course], "at": day.isoformat()}
            items = client.post("/v1/licences/check", json=asked).json()["items"]
            model = [any(who == of and begin <= day <= end for of, begin, end in _known(left)) for who in PEOPLE]
            assert [one["licensed"] for one in items] == model, day
        for who in PEOPLE:
            counting = [one["expiresAt"] for one in licences(org, partyId=who) if one["state"] in ("active", "expired")]
            latest = max((end for of, _, end in _known(left) if of == who), default=None)
            assert [at[:10] for at in counting] == ([] if latest is None else [latest.isoformat()])
        sweep(org, clock.now())
        told = [*recorded(org, "licence.expired"), *recorded(org, "licence.expiring")]
        assert all(one.data["expiresAt"] >= NOW.date().isoformat() for one in told)


def _known(rows: list[tuple[str, int, int]]) -> list[tuple[str, date, date]]:
    return [(who, *ends(begin, lasts)) for who, begin, lasts in rows]
