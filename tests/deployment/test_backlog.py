"""The work that waits in the whole deployment shows in readiness, in the metrics and in `rollcall doctor`."""

import re
from dataclasses import replace
from datetime import timedelta

import pytest
import time_machine
from fastapi.testclient import TestClient

from api.app import create_app
from cli import waiting
from cli.waiting import CheckFailed
from shared import clock
from shared.database import Database
from shared.settings import Settings
from tests.drain import InProcessWorker
from tests.factories import Org
from tests.mail.conftest import mails, server
from tests.mail.correspondence import ADA, BOB, Correspondence
from tests.mail.server import MailServer

__all__ = ["mails", "server"]


WAITING = 'rollcall_deliveries_waiting{channel="email"}'


def gauges(org: Org) -> dict[str, float]:
    """Return the gauges of a new API process, by name and label."""
    text = TestClient(create_app(replace(org.parts))).get("/metrics").text
    return {
        name: float(value)
        for name, value in re.findall(r'^(rollcall_[a-z_]+(?:\{channel="[a-z]+"\})?) (\S+)$', text, re.M)
    }


def ready(org: Org) -> dict[str, str]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("shared.clock.MOST_DIFFERENCE", timedelta.max)  # tests move the clock of the machine only
        answer = TestClient(create_app(replace(org.parts))).get("/health/ready")
    assert answer.status_code == 200, answer.text
    checks: dict[str, str] = answer.json()["checks"]
    return checks


def test_mails_that_a_dead_server_does_not_take_are_told_everywhere(
    mails: Correspondence, server: MailServer, configured: Settings, worker: InProcessWorker
) -> None:
    before = gauges(mails.org)
    mails.add_parties(ADA, BOB)
    mails.assign("ada", "bob")
    mails.plan()
    assert gauges(mails.org)[WAITING] == before[WAITING] + 2
    assert before["rollcall_mail_on"] == 1
    with time_machine.travel(clock.now() + timedelta(minutes=10)):
        found = gauges(mails.org)
        assert found['rollcall_deliveries_oldest_due_seconds{channel="email"}'] >= 600
        assert found["rollcall_sweep_lag_seconds"] >= 0
        assert re.fullmatch(r"behind: \d+ mails wait, the oldest for [\d,]+ minutes", ready(mails.org)["mail"])
        with pytest.raises(CheckFailed, match=r"\d+ mails wait, the oldest for [\d,]+ minutes"):
            waiting.mail(mails.org.parts.database, configured)
    mails.send()


def test_metrics_answer_without_the_database(org: Org) -> None:
    away = Database("postgresql://nobody:x@127.0.0.1:9/none", name="test", pool_size=1)
    text = TestClient(create_app(replace(org.parts, database=away))).get("/metrics")
    assert text.status_code == 200
    assert "rollcall_deliveries_waiting{" not in text.text


def test_a_job_that_no_worker_takes_is_told_by_readiness(org: Org) -> None:
    org.with_parties("a")
    body = {"courseId": org.with_course(), "recipients": [{"entityType": "party", "entityId": "a"}], "reason": "R"}
    assert org.client().post("/v1/assignments", json=body).status_code == 202
    with time_machine.travel(clock.now() + timedelta(minutes=5)):
        assert ready(org)["work"].startswith("behind: a job has waited for ")
        assert gauges(org)["rollcall_jobs_oldest_waiting_seconds"] >= 300


def test_doctor_names_course_codes_that_look_the_same(org: Org) -> None:
    waiting_before = None
    try:
        waiting_before = waiting.course_codes(org.parts.database)
    except CheckFailed as failed:
        waiting_before = str(failed)
    assert org.id not in waiting_before
    for code in ("Kran-É", "KRAN-E\u0301"):
        answer = org.client().post("/v1/courses", json={"code": code, "title": "Crane", "mode": "online"})
        if answer.status_code == 422:
            pytest.skip("such codes are refused by now")
        assert answer.status_code == 201, answer.text
    with pytest.raises(CheckFailed, match=f"{org.id}: "):
        waiting.course_codes(org.parts.database)
