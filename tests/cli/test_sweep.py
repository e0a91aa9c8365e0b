"""`rollcall sweep`, for a cron job, and what `/health/ready` reports when no sweep has run."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from sqlalchemy import select

from cli.main import run_command
from shared import access, clock
from shared.events import Actor, Event
from shared.licences import Sweep
from tests.factories import Org
from tests.licences.earning import grant


def expired(org: Org) -> list[str | None]:
    with org.transaction() as db:
        return list(db.scalars(select(Event.party_id).where(Event.type == "licence.expired").order_by(Event.party_id)))


@pytest.fixture
def lapsed(org: Org) -> Org:
    """An organization whose licences ended some days ago, without an event so far."""
    org.with_parties("a", "b")
    grant(org, org.with_course(), "a", "b", at=clock.now() - timedelta(days=370))
    return org


def test_a_sweep_returns_when_all_events_are_published(lapsed: Org, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["sweep", "--org", lapsed.id]) == 0
    assert expired(lapsed) == ["a", "b"]
    with lapsed.transaction() as db:
        (sweep,) = db.scalars(select(Sweep))
    assert (sweep.expired, sweep.notices, sweep.asked_by_id) == (2, 6, "rollcall sweep")
    assert sweep.finished_at is not None
    assert "Swept 1 organization." in capsys.readouterr().err


def test_a_second_sweep_publishes_nothing_again(lapsed: Org) -> None:
    assert [run_command(["sweep", "--org", lapsed.id]) for _ in range(2)] == [0, 0]
    assert expired(lapsed) == ["a", "b"]


def test_an_organization_with_disabled_training_is_not_swept(lapsed: Org) -> None:
    with lapsed.transaction() as db:
        access.enable(db, training=False, actor=Actor("member", "admin"), now=clock.now())
    assert run_command(["sweep", "--org", lapsed.id]) == 0
    assert expired(lapsed) == []


def test_an_unknown_organization_is_named(org: Org, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["sweep", "--org", "nobody"]) != 0
    assert "nobody" in capsys.readouterr().err


def test_readiness_reports_a_late_sweep_and_stays_ready(lapsed: Org, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.clock.MOST_DIFFERENCE", timedelta.max)  # this test moves the clock of the machine only
    with time_machine.travel(datetime(2126, 1, 1, tzinfo=UTC), tick=False):
        answer = lapsed.client().get("/health/ready")
    assert answer.status_code == 200
    assert answer.json()["checks"]["sweep"].startswith("behind: ")


def test_control_after_a_sweep_readiness_reports_ok(lapsed: Org) -> None:
    assert run_command(["sweep"]) == 0
    assert lapsed.client().get("/health/ready").json()["checks"]["sweep"] == "ok"
