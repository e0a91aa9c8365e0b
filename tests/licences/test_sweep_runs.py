"""Runs of the sweep: several at once, killed ones, one per night, requested ones, organizations without training."""

import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from shared import access, clock, licences
from shared.access import Permission
from shared.licences import Batch, Licence, LicenceDue, Sweep
from shared.services import sweeps
from shared.services.sweeps import Step
from tests.assignments.asking import parties
from tests.drain import InProcessWorker
from tests.factories import OPERATOR, Org
from tests.licences.earning import NOON
from tests.licences.sweeps import DAY, FEATURES, end, notice, published, put_licences, request_sweep, sweep, take_step


@pytest.fixture
def batches_of_20(monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches have at most 20 licences."""
    sweep_batch = licences.sweep_batch

    def of_20(db: Session, sweep_id: uuid.UUID, now: datetime) -> Batch:
        return sweep_batch(db, sweep_id, now, 20)

    monkeypatch.setattr(licences, "BATCH", 20)
    monkeypatch.setattr(licences, "sweep_batch", of_20)


@pytest.mark.usefixtures("batches_of_20")
def test_three_sweeps_at_once_publish_each_event_once(org: Org, course: str) -> None:
    ids = parties(200)
    org.with_parties(*ids)
    put_licences(org, course, dict.fromkeys(ids, NOON))
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda _: sweep(org, NOON), range(3)))
    with org.transaction() as db:
        assert all(db.scalars(select(Sweep.finished_at))), "the last step of all has finished every run"
    counted = Counter(published(org))
    assert set(counted.values()) == {1}
    assert len(counted) == 200 * 4


def test_a_killed_step_leaves_nothing_half_done(org: Org, course: str) -> None:
    put_licences(org, course, {"a": NOON})
    request_sweep(org, NOON)
    with org.transaction() as db:
        sweeps.take_step(db, FEATURES, 2, NOON)
        db.rollback()
    assert published(org) == []
    assert take_step(org, NOON) is Step.DONE
    assert len(published(org)) == 4


def test_a_run_does_not_finish_while_another_transaction_has_locked_due_licences(org: Org, course: str) -> None:
    put_licences(org, course, {"a": NOON})
    request_sweep(org, NOON)
    with org.transaction() as db:
        db.execute(select(LicenceDue.licence_id).with_for_update())
        assert take_step(org, NOON) is Step.WAITS
    with org.transaction() as db:
        assert db.scalar(select(Sweep.finished_at)) is None
    assert take_step(org, NOON) is Step.DONE


def test_a_step_that_published_something_is_repeated_while_other_licences_are_locked(org: Org, course: str) -> None:
    """Otherwise two workers that take the last steps at once would each leave finishing the run to the other."""
    put_licences(org, course, {"a": NOON, "b": NOON})
    request_sweep(org, NOON)
    with org.transaction() as other:
        due = select(LicenceDue.licence_id).join(Licence, Licence.id == LicenceDue.licence_id)
        other.execute(due.where(Licence.party_id == "a").with_for_update(of=LicenceDue))
        assert take_step(org, NOON) is Step.MORE
        assert take_step(org, NOON) is Step.WAITS
    assert Counter(published(org)) == Counter([notice("b", days) for days in (60, 30, 7)] + [end("b")])
    assert take_step(org, NOON) is Step.DONE
    assert len(set(published(org))) == len(published(org)) == 8


@pytest.mark.usefixtures("batches_of_20")
def test_a_sweep_of_more_than_one_batch_wakes_one_helper(org: Org, course: str, worker: InProcessWorker) -> None:
    ids = parties(200)
    org.with_parties(*ids)
    put_licences(org, course, dict.fromkeys(ids[:10], clock.now()))
    request_sweep(org, clock.now())
    worker.deliver("licences.sweep_organization", org.id)
    helper = ("licences.sweep_organization", (org.id, False))
    assert helper not in worker.messages, "a single batch needs no help"
    put_licences(org, course, dict.fromkeys(ids[10:], clock.now()))
    request_sweep(org, clock.now())
    worker.messages.clear()
    worker.deliver("licences.sweep_organization", org.id)
    assert list(worker.messages) == [helper, helper], "one to help, one to continue"
    worker.deliver("licences.sweep_organization", org.id, False)
    assert Counter(worker.messages)[helper] == 2, "a helper wakes no other worker"
    assert len(set(published(org))) == len(published(org)) == 4 * 200


def test_an_organization_is_swept_once_a_night(org: Org, course: str, worker: InProcessWorker) -> None:
    put_licences(org, course, {"a": NOON})
    night = datetime(2026, 3, 3, 1, tzinfo=UTC)
    with org.transaction() as db:
        assert org.id not in licences.organizations_to_sweep(db, night - timedelta(seconds=1))
        for _ in range(3):
            licences.begin_tonight(db, night)
        assert org.id in licences.organizations_to_sweep(db, night)
    assert take_step(org, night) is Step.DONE
    with org.transaction() as db:
        assert org.id not in licences.organizations_to_sweep(db, night)
        assert org.id in licences.organizations_to_sweep(db, night + DAY)
        (run,) = db.scalars(select(Sweep))
    assert (run.slot, run.expired, run.notices) == (date(2026, 3, 3), 1, 3)


def test_the_next_tick_wakes_a_run_whose_message_was_lost(org: Org, worker: InProcessWorker) -> None:
    answer = org.client(Permission.ADMIN).post("/v1/sweeps")
    assert answer.status_code == 202
    assert answer.json()["finishedAt"] is None
    worker.messages.clear()
    worker.deliver("licences.sweep")
    assert ("licences.sweep_organization", (org.id,)) in worker.messages
    worker.deliver("licences.sweep_organization", org.id)
    items = org.client(Permission.VIEW).get("/v1/sweeps").json()["items"]
    assert items
    assert all(item["finishedAt"] for item in items)
    asked_by = {item["askedBy"]["id"] for item in items}
    assert "member-1" in asked_by


@pytest.mark.parametrize("permission", [Permission.VIEW, Permission.MANAGE_ASSIGNMENTS])
def test_only_an_administrator_can_request_a_sweep(org: Org, permission: Permission) -> None:
    assert org.client(permission).post("/v1/sweeps").status_code == 403


def test_the_sweep_waits_while_the_organization_cannot_use_training(org: Org, course: str) -> None:
    put_licences(org, course, {"a": NOON})
    request_sweep(org, NOON)
    for switch in (access.enable, access.entitle):
        with org.transaction() as db:
            switch(db, training=False, actor=OPERATOR, now=NOON)
        assert take_step(org, NOON) is Step.WAITS
        with org.transaction() as db:
            assert org.id not in licences.organizations_to_sweep(db, NOON)
            switch(db, training=True, actor=OPERATOR, now=NOON)
    assert published(org) == []
    assert take_step(org, NOON) is Step.DONE


def test_organizations_without_a_recent_sweep_are_counted(org: Org) -> None:
    later = clock.now() + timedelta(hours=27)
    with org.transaction() as db:
        before = licences.organizations_behind(db, later)
    assert before >= 1
    sweep(org, later)
    with org.transaction() as db:
        assert licences.organizations_behind(db, later) == before - 1
