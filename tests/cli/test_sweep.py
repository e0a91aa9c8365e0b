"""`rollcall sweep` for a cron of one's own, and what `/health/ready` says when nobody swept."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from sqlalchemy import select

from cli.main import carry_out
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
    """An organization whose licences ended some days ago, and nobody has said so."""
    org.with_parties("a", "b")
    grant(org, org.with_course(), "a", "b", at=clock.now() - timedelta(days=370))
    return org


def test_it_returns_when_all_is_told(lapsed: Org, capsys: pytest.CaptureFixture[str]) -> None:
    assert carry_out(["sweep", "--org", lapsed.id]) == 0
    assert expired(lapsed) == ["a", "b"]
    with lapsed.transaction() as db:
        (sweep,) = db.scalars(select(Sweep))
    assert (sweep.expired, sweep.notices, sweep.asked_by_id) == (2, 6, "rollcall sweep")
    assert sweep.finished_at is not None
    assert "Swept 1 organization." in capsys.readouterr().err


def test_again_it_tells_nothing_twice(lapsed: Org) -> None:
    assert [carry_out(["sweep", "--org", lapsed.id]) for _ in range(2)] == [0, 0]
    assert expired(lapsed) == ["a", "b"]


def test_an_organization_whose_training_is_disabled_waits(lapsed: Org) -> None:
    with lapsed.transaction() as db:
        access.enable(db, training=False, actor=Actor("member", "admin"), now=clock.now())
    assert carry_out(["sweep", "--org", lapsed.id]) == 0
    assert expired(lapsed) == []


def test_an_unknown_organization_is_named(org: Org, capsys: pytest.CaptureFixture[str]) -> None:
    assert carry_out(["sweep", "--org", "nobody"]) != 0
    assert "nobody" in capsys.readouterr().err


def test_readiness_tells_of_a_late_sweep_and_serves_on(lapsed: Org) -> None:
    with time_machine.travel(datetime(2126, 1, 1, tzinfo=UTC), tick=False):
        answer = lapsed.client().get("/health/ready")
    assert answer.status_code == 200
    assert answer.json()["checks"]["sweep"].startswith("behind: ")


def test_the_control_after_a_sweep_readiness_is_content(lapsed: Org) -> None:
    assert carry_out(["sweep"]) == 0
    assert lapsed.client().get("/health/ready").json()["checks"]["sweep"] == "ok"
