"""`rollcall events`: events shown as they are recorded, and the stream refilled after Redis lost its data."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import time_machine

from cli.main import run_command
from shared import clock, events
from shared.access import Permission
from shared.events import Actor, Fact
from tests.cli.starting import default_signals
from tests.drain import InProcessWorker
from tests.events.streaming import OwnRedis, relay, relaying, with_events
from tests.events.tampering import record
from tests.factories import Org


class Said:
    """The result of a command: exit code, lines of stdout, and stderr."""

    def __init__(self, capsys: pytest.CaptureFixture[str], *arguments: str) -> None:
        capsys.readouterr()
        self.code = run_command(["events", *arguments])
        out, self.err = capsys.readouterr()
        self.lines = out.splitlines()


# --- tail


def test_tail_prints_a_line_for_each_of_the_last_events(org: Org, capsys: pytest.CaptureFixture[str]) -> None:
    record(org, "p-1", "p-2")
    said = Said(capsys, "tail", "--org", org.id, "--lines", "2")
    assert (said.code, said.err) == (0, "")
    assert [line.split()[2:5] for line in said.lines] == [
        ["2", "party.changed", "party/p-1"],
        ["3", "party.changed", "party/p-2"],
    ]
    assert said.lines[0].endswith('by member ada  partyId p-1  changed ["folders"]')


def test_tail_as_json_prints_the_same_events_as_the_feed(org: Org, capsys: pytest.CaptureFixture[str]) -> None:
    with_events(org, 1200)
    said = Said(capsys, "tail", "--org", org.id, "--after", "0", "--json")
    found = [json.loads(line) for line in said.lines]
    assert [event["sequence"] for event in found] == [str(n) for n in range(1, 1201)]
    fed = org.client(Permission.READ_EVENTS).get("/v1/events", params={"limit": 500}).json()["items"]
    assert found[:500] == fed


def test_tail_shows_only_the_given_types(org: Org, capsys: pytest.CaptureFixture[str]) -> None:
    with_events(org, 50)
    record(org, "p-1")
    for place in ("--lines=1", "--after=0"):
        said = Said(capsys, "tail", "--org", org.id, place, "--types", "organization.added, party.changed")
        expected = ["party.changed"] if place == "--lines=1" else ["organization.added", "party.changed"]
        assert [line.split()[3] for line in said.lines] == expected


def test_tail_shows_all_organizations_in_the_order_of_time(
    org: Org, other_org: Org, capsys: pytest.CaptureFixture[str]
) -> None:
    with time_machine.travel("2226-01-01"):  # later than what any other test has left in the database
        for one, party_id in ((org, "mine"), (other_org, "theirs")):
            with one.transaction() as db:
                fact = Fact("party.erased", f"party/{party_id}", party_id=party_id)
                events.record(db, Actor("member", "m"), clock.now(), fact)
    said = Said(capsys, "tail", "--lines", "2")
    assert [line.split()[2:6:3] for line in said.lines] == [[org.id, "party/mine"], [other_org.id, "party/theirs"]]


def test_control_characters_in_an_event_do_not_reach_the_terminal(org: Org, capsys: pytest.CaptureFixture[str]) -> None:
    with org.transaction() as db:
        reason = {"reason": "\x1b[2J[red]gone[/red]\r\x9b2J"}
        events.record(db, Actor("member", "m"), clock.now(), Fact("job.rejected", "job/1", reason))
    (line,) = Said(capsys, "tail", "--org", org.id, "--lines", "1").lines
    assert line.endswith(
        "reason \N{REPLACEMENT CHARACTER}[2J[red]gone[/red]\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}2J"
    )


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["tail", "--types", "assignment.create"], "did you mean assignment.created?"),
        (["tail", "--types", "x"], "docs/events.md lists all types"),
        (["tail", "--after", "-1"], "--after"),
        (["refill"], "--from"),
        (["refill", "--from", "0"], "--from"),
    ],
)
def test_wrong_arguments_are_explained(
    org: Org, capsys: pytest.CaptureFixture[str], arguments: list[str], sentence: str
) -> None:
    said = Said(capsys, *arguments)
    assert (said.code, said.lines) == (2, [])
    assert sentence in said.err


@pytest.mark.parametrize("command", [["tail"], ["refill", "--from", "1"]])
def test_an_unknown_organization_is_named(org: Org, capsys: pytest.CaptureFixture[str], command: list[str]) -> None:
    said = Said(capsys, *command, "--org", "nobody")
    assert (said.code, said.lines) == (1, [])
    assert "organization" in said.err
    assert "Traceback" not in said.err


@contextmanager
def following(org: Org) -> Iterator[subprocess.Popen[str]]:
    """`rollcall events tail --follow` in a process of its own."""
    argv = [sys.executable, "-m", "cli.main", "events", "tail", "--org", org.id, "--after", "0", "--follow", "--json"]
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with default_signals():
        process = subprocess.Popen(argv, env=os.environ, text=True, cwd=Path(__file__).parents[2], **pipes)
    with process:
        try:
            yield process
        finally:
            process.kill()


def types(process: "subprocess.Popen[str]", count: int) -> list[str]:
    """Returns the types of the next events that it prints."""
    assert process.stdout is not None
    return [json.loads(process.stdout.readline())["type"] for _ in range(count)]


def test_follow_shows_new_events_and_ends_with_ctrl_c(org: Org) -> None:
    with following(org) as process:
        assert types(process, 1) == ["organization.added"]
        record(org, "p-1")
        assert types(process, 1) == ["party.changed"]
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
    assert (process.returncode, out, err.strip()) == (130, "", "")


@pytest.mark.parametrize("form", ["people", "programs"])
def test_a_reader_that_closes_the_pipe_causes_no_error(org: Org, form: str) -> None:
    with_events(org, 5000)
    as_json = ["--json"] if form == "programs" else []
    argv = [sys.executable, "-m", "cli.main", "events", "tail", "--org", org.id, "--after", "0", *as_json]
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(argv, env=os.environ, cwd=Path(__file__).parents[2], **pipes) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert (process.wait(30), process.stderr.read()) == (0, b"")


# --- refill


@pytest.fixture(scope="module")
def own_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnRedis]:
    """A Redis that a test may empty."""
    own = OwnRedis(tmp_path_factory.mktemp("redis") / "data")
    own.server.start()
    yield own
    own.server.stop()


@pytest.fixture
def relayer(worker: InProcessWorker, own_redis: OwnRedis, monkeypatch: pytest.MonkeyPatch) -> InProcessWorker:
    """A worker that relays to that Redis, which the commands use too."""
    monkeypatch.setenv("ROLLCALL_REDIS_URL", own_redis.url)
    with own_redis.client as client:
        client.flushall()
    return relaying(worker, own_redis)


def test_a_refill_restores_the_missing_events_and_no_others(
    org: Org, relayer: InProcessWorker, own_redis: OwnRedis, capsys: pytest.CaptureFixture[str]
) -> None:
    with_events(org, 1500)
    relay(relayer, org)
    before = own_redis.entries(org)
    with own_redis.client as client:
        client.flushall()
    record(org, "after-the-loss")
    relay(relayer, org)
    record(org, "left-to-the-relay")
    said = Said(capsys, "refill", "--from", "101", "--org", org.id)
    assert (said.code, said.lines) == (0, ["Restored 1,400 events of 1 organizations."])
    held = own_redis.entries(org)
    assert held[1:] == before[100:]
    assert [int(entry["sequence"]) for entry in held] == [1501, *range(101, 1501)]
    assert Said(capsys, "refill", "--from", "101", "--org", org.id).lines == ["No event is missing in the stream."]
    relay(relayer, org)
    assert own_redis.sequences(org) == [1501, *range(101, 1501), 1502]


def test_a_refill_covers_all_organizations(
    org: Org, other_org: Org, relayer: InProcessWorker, own_redis: OwnRedis, capsys: pytest.CaptureFixture[str]
) -> None:
    for each in (org, other_org):
        relay(relayer, with_events(each, 5))
    with own_redis.client as client:
        client.flushall()
    assert Said(capsys, "refill", "--from", "4").code == 0
    assert (own_redis.sequences(org), own_redis.sequences(other_org)) == ([4, 5], [4, 5])


def test_a_refill_larger_than_the_room_in_the_stream_is_refused(
    org: Org,
    relayer: InProcessWorker,
    own_redis: OwnRedis,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with_events(org, 1001)
    relay(relayer, org)
    with own_redis.client as client:
        client.flushall()
    monkeypatch.setenv("ROLLCALL_STREAM_LENGTH", "1000")
    said = Said(capsys, "refill", "--from", "1", "--org", org.id)
    assert (said.code, own_redis.sequences(org)) == (1, [])
    assert said.err.startswith("1,001 events are missing from 1 on, but the stream has room for 1,000. ")
    assert Said(capsys, "refill", "--from", "2", "--org", org.id).code == 0
    assert own_redis.sequences(org) == list(range(2, 1002))


def test_a_refill_reports_a_redis_that_is_full_or_away(
    org: Org, relayer: InProcessWorker, own_redis: OwnRedis, capsys: pytest.CaptureFixture[str]
) -> None:
    with_events(org, 50)
    relay(relayer, org)
    with own_redis.client as client:
        client.flushall()
    with own_redis.full():
        said = Said(capsys, "refill", "--from", "1", "--org", org.id)
        assert (said.code, "Redis refused the events (OutOfMemoryError)" in said.err) == (1, True)
    with own_redis.dead():
        said = Said(capsys, "refill", "--from", "1", "--org", org.id)
        assert (said.code, "Redis refused the events (ConnectionError)" in said.err) == (1, True)
    assert Said(capsys, "refill", "--from", "1", "--org", org.id).code == 0
    assert own_redis.sequences(org) == list(range(1, 51))
