"""A worker compares its clock with the database's, and decides nothing by a clock that is wrong."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from sqlalchemy import select

from cli.main import run_command
from shared import clock
from shared.clock import ClockDiffers, Timekeeper
from shared.events import Event
from tests.drain import InProcessWorker
from tests.factories import Org
from tests.licences.earning import grant

AHEAD = timedelta(days=45)


def expired(org: Org) -> list[str | None]:
    with org.transaction() as db:
        return list(db.scalars(select(Event.party_id).where(Event.type == "licence.expired")))


@pytest.fixture(autouse=True)
def limit_as_in_production(monkeypatch: pytest.MonkeyPatch) -> None:
    """The guard as in production, also after a test's worker that had none."""
    monkeypatch.setattr("shared.clock.MOST_DIFFERENCE", timedelta(seconds=5))


@pytest.fixture
def valid(org: Org) -> Org:
    """An organization with a licence that is valid for another month, and a sweep that was asked for."""
    org.with_parties("a")
    grant(org, org.with_course(), "a", at=clock.now() - timedelta(days=335))
    assert org.client().post("/v1/sweeps").status_code == 202
    return org


@pytest.mark.parametrize("guarded", [True, False], ids=["guarded", "control"])
def test_a_worker_whose_clock_is_45_days_ahead_sweeps_nothing(
    valid: Org, worker: InProcessWorker, monkeypatch: pytest.MonkeyPatch, guarded: bool
) -> None:
    if guarded:
        monkeypatch.setattr("shared.clock.MOST_DIFFERENCE", timedelta(seconds=5))
    with time_machine.travel(clock.now() + AHEAD):
        worker.deliver("licences.sweep_organization", valid.id)
    assert (expired(valid) == []) is guarded


def test_a_sweep_by_hand_is_refused_if_the_clock_is_45_days_ahead(
    valid: Org, capsys: pytest.CaptureFixture[str]
) -> None:
    with time_machine.travel(clock.now() + AHEAD):
        assert run_command(["sweep", "--org", valid.id]) == 1
    assert "ahead of the database's" in capsys.readouterr().err
    assert expired(valid) == []


def test_a_worker_goes_on_once_its_clock_is_right_again(
    valid: Org, worker: InProcessWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.clock.MOST_DIFFERENCE", timedelta(seconds=5))
    with time_machine.travel(clock.now() + AHEAD):
        worker.deliver("licences.sweep_organization", valid.id)
    worker.deliver("licences.sweep_organization", valid.id)
    with valid.transaction() as db:
        assert db.scalars(select(Event.type).where(Event.type == "licence.expiring")).all()


def test_the_database_is_asked_again_only_before_a_refusal() -> None:
    asked: list[datetime] = []

    def ask() -> datetime:
        asked.append(datetime.now(UTC))
        return asked[-1]

    keeper = Timekeeper(ask)
    for _ in range(5):
        keeper.check()
    assert len(asked) == 1
    keeper._asked = (asked[0] - AHEAD, keeper._asked[1] if keeper._asked else 0.0)  # as if the machine had slept
    keeper.check()
    assert len(asked) == 2


@pytest.mark.parametrize(("off", "words"), [(AHEAD, "behind"), (-AHEAD, "ahead of")])
def test_the_refusal_names_the_direction(off: timedelta, words: str) -> None:
    keeper = Timekeeper(lambda: datetime.now(UTC) + off)
    with pytest.raises(ClockDiffers, match=f"3,888,000 s {words}"):
        keeper.check()


def test_an_api_process_whose_clock_is_45_days_ahead_is_not_ready(org: Org) -> None:
    """A proxy then sends it no request, so that it grants and checks nothing by that clock."""
    assert org.client().get("/health/ready").json()["checks"]["clock"] == "ok"
    with time_machine.travel(clock.now() + AHEAD):
        answer = org.client().get("/health/ready")
    assert answer.status_code == 503
    assert answer.json()["checks"]["clock"].startswith("The clock of this machine is 3,888,0")
    assert org.client().get("/health/ready").status_code == 200
