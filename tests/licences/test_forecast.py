"""The forecast: licences that lapse and seats of sessions, by week and month in the organization's time zone."""

from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine
from fastapi import FastAPI

from api.http.parts import Parts
from shared.access import Permission
from tests.factories import Org, add_org
from tests.licences.earning import grant

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


def forecast(org: Org, **params: Any) -> list[dict[str, Any]]:
    with time_machine.travel(NOW, tick=False):
        answer = org.client(Permission.VIEW).get("/v1/forecast", params=params)
    assert answer.status_code == 200, answer.text
    periods: list[dict[str, Any]] = answer.json()["periods"]
    return periods


def schedule(org: Org, course: str, starts_at: str, ends_at: str, capacity: int | None, *party_ids: str) -> None:
    body = {"courseId": course, "mode": "online", "startsAt": starts_at, "endsAt": ends_at, "timeZone": "UTC"}
    session = org.client().post("/v1/sessions", json=body | ({"capacity": capacity} if capacity else {})).json()
    recipients = [{"entityType": "party", "entityId": party_id} for party_id in party_ids]
    if recipients:
        org.client().post(f"/v1/sessions/{session['id']}/roster", json={"recipients": recipients})


@pytest.fixture
def course(org: Org) -> str:
    org.with_parties("a", "b", folder="crew")
    org.with_parties("c")
    return org.with_course()


def test_lapses_are_counted_in_their_month_and_no_month_is_missing(org: Org, course: str) -> None:
    grant(org, course, "a", "b", at=datetime(2025, 5, 20, tzinfo=UTC))
    grant(org, course, "c", at=datetime(2025, 7, 1, 1, tzinfo=UTC))
    periods = forecast(org, courseId=course, by="month", periods=6)
    assert [(period["startsOn"], period["lapses"]) for period in periods] == [
        ("2026-03-01", 0),
        ("2026-04-01", 0),
        ("2026-05-01", 2),
        ("2026-06-01", 0),
        ("2026-07-01", 1),
        ("2026-08-01", 0),
    ]
    assert [period["endsOn"] for period in periods][:2] == ["2026-03-31", "2026-04-30"]


def test_renewed_and_revoked_licences_are_not_counted_as_lapses(org: Org, course: str) -> None:
    grant(org, course, "a", "b", at=datetime(2025, 5, 20, tzinfo=UTC))
    grant(org, course, "a", at=datetime(2026, 3, 2, tzinfo=UTC))
    (held,) = org.client().get("/v1/licences", params={"partyId": "b"}).json()["items"]
    org.client().post(f"/v1/licences/{held['id']}/revoke", json={"reason": "Left the trade"})
    assert sum(period["lapses"] for period in forecast(org, courseId=course, periods=12)) == 0


@pytest.mark.parametrize("by", ["week", "month"])
def test_an_end_at_midnight_is_counted_on_the_day_that_people_are_told(org: Org, course: str, by: str) -> None:
    """A licence that is valid until 31 May ends at the first instant of 1 June, a Monday."""
    grant(org, course, "a", at=datetime(2025, 6, 1, tzinfo=UTC))
    counted = [(one["startsOn"], one["endsOn"]) for one in forecast(org, by=by, periods=16) if one["lapses"]]
    assert counted == [("2026-05-25" if by == "week" else "2026-05-01", "2026-05-31")]


@pytest.mark.parametrize(("zone", "lapses"), [("UTC", [1, 0, 0]), ("Europe/Berlin", [0, 1, 0])])
def test_weeks_begin_on_monday_in_the_time_zone_of_the_organization(
    app: FastAPI, parts: Parts, zone: str, lapses: list[int]
) -> None:
    """A licence that ends on a Sunday at 23:30 UTC ends on Monday in Berlin."""
    org = add_org(app, parts, time_zone=zone)
    org.with_parties("a")
    course = org.with_course()
    grant(org, course, "a", at=datetime(2025, 3, 8, 23, 30, tzinfo=UTC))
    weeks = forecast(org, courseId=course, by="week", periods=3)
    assert [week["startsOn"] for week in weeks] == ["2026-03-02", "2026-03-09", "2026-03-16"]
    assert [week["lapses"] for week in weeks] == lapses


def test_seats_of_scheduled_sessions_are_counted(org: Org, course: str) -> None:
    schedule(org, course, "2026-03-10T08:00:00Z", "2026-03-10T10:00:00Z", 5, "a", "b")
    schedule(org, course, "2026-03-20T08:00:00Z", "2026-03-20T10:00:00Z", 3)
    schedule(org, course, "2026-04-20T08:00:00Z", "2026-04-20T10:00:00Z", None, "c")
    march, april, may = forecast(org, courseId=course, periods=3)
    assert (march["sessions"], march["seatsTaken"], march["seatsFree"]) == (2, 2, 6)
    assert (april["sessions"], april["seatsTaken"], april["seatsFree"]) == (1, 1, None)
    assert (may["sessions"], may["seatsTaken"], may["seatsFree"]) == (0, 0, 0)


def test_lapses_of_another_course_are_not_counted(org: Org, course: str) -> None:
    grant(org, course, "a", at=datetime(2025, 5, 20, tzinfo=UTC))
    other = org.with_course(title="Another")
    assert sum(period["lapses"] for period in forecast(org, courseId=other)) == 0
    assert sum(period["lapses"] for period in forecast(org)) == 1


def test_a_caller_with_folders_sees_only_lapses_of_their_parties(org: Org, course: str) -> None:
    grant(org, course, "a", "c", at=datetime(2025, 5, 20, tzinfo=UTC))
    with time_machine.travel(NOW, tick=False):
        answer = org.client(Permission.VIEW, folders=["crew"]).get("/v1/forecast")
    assert sum(period["lapses"] for period in answer.json()["periods"]) == 1


@pytest.mark.parametrize(
    ("params", "place"),
    [
        ({"courseId": "01900000-0000-7000-8000-000000000000"}, "?courseId"),
        ({"by": "year"}, "?by"),
        ({"periods": 0}, "?periods"),
    ],
)
def test_a_bad_parameter_of_the_forecast_is_named(org: Org, params: dict[str, Any], place: str) -> None:
    answer = org.client(Permission.VIEW).get("/v1/forecast", params=params)
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == [place]
