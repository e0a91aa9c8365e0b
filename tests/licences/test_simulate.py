"""Simulating a policy: the dates that a grant gives, for nobody in particular."""

from datetime import UTC, datetime
from itertools import product
from typing import Any

import pytest
import time_machine
from fastapi import FastAPI

from api.http.parts import Parts
from shared.access import Permission
from tests.drain import InProcessWorker
from tests.factories import Org, add_org, count_statements
from tests.sessions.sitting import add, complete, held, schedule
from tests.traces import stored

SITTINGS = (
    ("2026-01-31T07:00:00Z", "2026-01-31T22:30:00Z", datetime(2026, 2, 3, 9, tzinfo=UTC)),
    ("2026-12-20T07:00:00Z", "2026-12-20T10:00:00Z", datetime(2026, 12, 20, 10, tzinfo=UTC)),
    ("2028-01-10T07:00:00Z", "2028-01-10T10:00:00Z", datetime(2028, 1, 30, 10, tzinfo=UTC)),
)
"""Begin and end of sittings, and when they were completed: one in time, one early, one after the end."""

POLICIES = [
    {"licenceFrom": begins, "licenceEnds": ends, "earlyRenewal": early, "renewalWindowDays": 60, "renewableDays": 45}
    for begins, ends, early in product(
        ("granted", "training"), ("instant", "end_of_day", "end_of_month"), ("resets", "keepsAnniversary")
    )
]


def simulate(org: Org, policy: dict[str, Any], history: list[dict[str, Any]], **fields: Any) -> Any:
    body = {"policy": policy, "history": history} | fields
    return org.client(Permission.VIEW).post("/v1/policies/simulate", json=body)


@pytest.mark.parametrize("policy", POLICIES, ids=lambda one: "-".join(map(str, one.values())))
def test_a_course_with_the_policy_grants_the_dates_that_were_simulated(
    app: FastAPI, parts: Parts, worker: InProcessWorker, policy: dict[str, Any]
) -> None:
    org = add_org(app, parts, time_zone="Europe/Oslo")
    org.with_parties("a")
    course = org.with_course(**policy)
    for starts_at, ends_at, completed_at in SITTINGS:
        with time_machine.travel(completed_at, tick=False):
            session_id = schedule(org, course, timeZone="Europe/Oslo", startsAt=starts_at, endsAt=ends_at)
            add(org, session_id, "a")
            complete(org, worker, session_id)
    history = [{"endsAt": ends_at, "grantedAt": at.isoformat()} for _, ends_at, at in SITTINGS]
    answer = simulate(org, policy, history)
    assert answer.status_code == 200, answer.text
    granted = org.client().get("/v1/licences").json()["items"][::-1]
    assert len(granted) == len(held(org)["a"]) == 3
    for one, item in zip(granted, answer.json()["items"], strict=True):
        for name in ("grantedAt", "validFrom", "expiresAt", "explanation"):
            assert item[name] == one[name], name
    assert answer.json()["items"][-1]["renewableUntil"] == granted[-1]["renewableUntil"]


def test_a_simulation_writes_nothing_and_sends_no_statement_for_each_training(org: Org) -> None:
    before = stored(org)
    counts = []
    for number in (1, 500):
        history = [{"occurredOn": f"{2000 + n // 12}-{n % 12 + 1:02}-01"} for n in range(number)]
        with count_statements(org.parts.database.engine) as sent:
            answer = simulate(org, {"licenceFrom": "training"}, history, timeZone="Europe/Oslo")
        assert len(answer.json()["items"]) == number
        counts.append(sent.count)
    assert counts[0] == counts[1]
    assert stored(org) == before


def test_days_are_those_of_the_zone_that_is_named_or_of_the_organization(app: FastAPI, parts: Parts) -> None:
    org = add_org(app, parts, time_zone="Pacific/Kiritimati")
    policy = {"licenceFrom": "training", "licenceEnds": "end_of_day", "licenceMonths": 1}
    for zone, expected in ((None, "2026-02-28T10:00:00Z"), ("UTC", "2026-03-01T00:00:00Z")):
        answer = simulate(org, policy, [{"occurredOn": "2026-01-31"}], **({"timeZone": zone} if zone else {})).json()
        assert answer["timeZone"] == zone or zone is None
        (item,) = answer["items"]
        assert item["expiresAt"] == expected
        assert item["explanation"]["text"] == (
            "Granted on 31 January 2026 for a completed assignment; it lasts 1 calendar month from the end of the "
            "training on 31 January 2026, to the end of the day. Valid until 28 February 2026."
        )


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"history": []}, "/history"),
        ({"history": [{}] * 501}, "/history"),
        ({"history": [{}]}, "/history/0"),
        ({"history": [{"endsAt": "2026-01-01T00:00:00Z", "occurredOn": "2026-01-01"}]}, "/history/0"),
        ({"history": [{"occurredOn": "2026-02-01"}, {"occurredOn": "2026-01-01"}]}, "/history/1"),
        ({"history": [{"occurredOn": "0001-01-01"}]}, "/history/0/occurredOn"),
        ({"timeZone": "Mars/Olympus"}, "/timeZone"),
        ({"policy": {"licenceMonths": None}}, "/policy/licenceMonths"),
        ({"policy": {"licenceMonths": 0}}, "/policy/licenceMonths"),
        ({"policy": {"licenceEnds": "end_of_year"}}, "/policy/licenceEnds"),
        ({"policy": {"title": "x"}}, "/policy/title"),
    ],
)
def test_bad_input_is_named_by_its_place(org: Org, fields: dict[str, Any], pointer: str) -> None:
    body = {"policy": {}, "history": [{"occurredOn": "2026-01-31"}]} | fields
    refused = org.client().post("/v1/policies/simulate", json=body)
    assert refused.status_code == 422, refused.text
    assert refused.json()["errors"][0]["pointer"] == pointer


def test_simulating_needs_to_see_training_and_no_more(org: Org) -> None:
    history = [{"grantedAt": "2026-01-31T00:00:00Z"}]
    assert simulate(org, {}, history).status_code == 200
    limited = org.client(Permission.VIEW, folders=["crew"])
    assert limited.post("/v1/policies/simulate", json={"policy": {}, "history": history}).status_code == 200
    refused = org.client(Permission.ASSIGN).post("/v1/policies/simulate", json={"policy": {}, "history": history})
    assert refused.status_code == 403
