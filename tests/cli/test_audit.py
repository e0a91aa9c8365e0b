"""`rollcall audit`: one sentence for each kind of tampering, and an exit code that a cron job can use."""

import json
import re
from collections.abc import Callable

import pytest

from cli.main import run_command
from shared.access import Permission
from shared.events import Actor
from tests.conftest import Servers
from tests.events.tampering import (
    COUNTER_SET_BACK,
    CUT_OFF,
    DELETED,
    EDITED,
    MINE,
    REORDERED,
    SEALS_REMOVED,
    record,
    seal,
    sealed_in_three_blocks,
    tamper,
)
from tests.factories import Org

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def audit(org: Org, capsys: pytest.CaptureFixture[str]) -> Command:
    """`rollcall audit` for the organization. Returns the exit code, stdout and stderr."""

    def run(*arguments: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = run_command(["audit", *arguments, "--org", org.id])
        out, err = capsys.readouterr()
        return code, out, err

    return run


def test_unaltered_events_pass_the_verification(org: Org, audit: Command) -> None:
    head = sealed_in_three_blocks(org)
    assert audit("verify") == (0, f"The 10 events of {org.id} are unaltered.\n", "")
    record(org, "j", "k")
    waiting = f"The 12 events of {org.id} are unaltered. The last 2 are not sealed yet.\n"
    assert audit("verify", "--expect", f"{head.sequence}:{head.hash}") == (0, waiting, "")


@pytest.mark.parametrize(
    ("statements", "sentence"),
    [
        (EDITED, r"At least one of events 5 to 7, sealed at 20[0-9T:Z-]+, was edited or moved\."),
        (DELETED, r"Event 5 was deleted\."),
        (REORDERED, r"At least one of events 5 to 7, .* moved\. Their ids are out of order at 6\."),
        (CUT_OFF, r"Events 9 to 10 were cut off at the end: the counter knows of 10\."),
    ],
)
def test_each_tampering_is_reported_in_one_sentence(
    org: Org, servers: Servers, audit: Command, statements: tuple[str, ...], sentence: str
) -> None:
    sealed_in_three_blocks(org)
    tamper(servers, org, *statements)
    code, out, err = audit("verify")
    assert (code, err) == (1, "")
    said, verdict = out.splitlines()
    assert re.fullmatch(sentence, said), said
    assert verdict == f"The events of {org.id} were altered after they were recorded."


def test_rewritten_and_resealed_events_do_not_match_the_head_kept_elsewhere(
    org: Org, servers: Servers, audit: Command
) -> None:
    sealed_in_three_blocks(org)
    _, written_down, _ = audit("head")
    tamper(servers, org, *EDITED, *SEALS_REMOVED)
    seal(org)
    assert audit("verify")[0] == 0
    code, out, _ = audit("verify", "--expect", written_down.strip())
    assert code == 1
    assert out.startswith("The hash of event 10 is not the one written down")


def test_the_verification_prints_json_for_programs(org: Org, servers: Servers, audit: Command) -> None:
    head = sealed_in_three_blocks(org)
    code, out, _ = audit("verify", "--json")
    clean = {
        "ok": True,
        "org": org.id,
        "events": 10,
        "sequence": 10,
        "hash": head.hash,
        "sealedUpTo": 10,
        "findings": [],
    }
    assert (code, json.loads(out)) == (0, clean)
    tamper(servers, org, *CUT_OFF, *COUNTER_SET_BACK)
    code, out, _ = audit("verify", "--json")
    detail = "Events 9 to 10 were cut off at the end: a seal knows of 10."
    assert code == 1
    assert json.loads(out)["findings"] == [{"kind": "cut-off", "first": 9, "last": 10, "detail": detail}]


def test_the_list_of_findings_ends_after_a_hundred(org: Org, servers: Servers, audit: Command) -> None:
    record(org, *(f"p{n}" for n in range(220)))
    tamper(servers, org, f"DELETE FROM event WHERE {MINE} AND sequence % 2 = 0")
    code, out, _ = audit("verify")
    assert (code, len(out.splitlines())) == (1, 101)
    assert out.endswith("Stopped after 100 findings; later events were not checked.\n")


@pytest.mark.parametrize("head", ["", "10", "10:abc", f"0:{'a' * 64}", f"{'9' * 30}:{'a' * 64}"])
def test_a_malformed_head_is_a_usage_error(audit: Command, head: str) -> None:
    code, out, err = audit("verify", "--expect", head)
    assert (code, out) == (2, "")
    assert "SEQUENCE:HASH" in err


@pytest.mark.parametrize("command", ["verify", "head", "export"])
def test_an_unknown_organization_is_refused(capsys: pytest.CaptureFixture[str], org: Org, command: str) -> None:
    assert run_command(["audit", command, "--org", "never-added"]) == 1
    assert "has not been added" in capsys.readouterr().err


def test_the_head_is_printed_once_events_are_sealed(org: Org, audit: Command) -> None:
    code, out, err = audit("head")
    assert (code, out) == (1, "")
    assert "is sealed yet" in err
    head = sealed_in_three_blocks(org)
    assert audit("head") == (0, f"{head.sequence}:{head.hash}\n", "")


def test_the_export_equals_that_of_the_api(org: Org, audit: Command) -> None:
    record(org, "a", "b")
    record(org, "a", actor=Actor("member", "bob"))
    client = org.client(Permission.ADMIN)
    code, out, err = audit("export")
    assert (code, err) == (0, "")
    assert out == client.get("/v1/audit/events", headers={"Accept": "application/x-ndjson"}).text
    assert len(out.splitlines()) == 4


@pytest.mark.parametrize(
    ("options", "found"),
    [
        (["--party", "a"], [2, 4]),
        (["--actor", "bob"], [4]),
        (["--subject", "party/b"], [3]),
        (["--type", "organization.added", "--type", "party.erased"], [1]),
        (["--since", "2000-01-01T00:00:00+02:00", "--until", "2100-01-01T00:00:00Z"], [1, 2, 3, 4]),
        (["--until", "2000-01-01T00:00:00Z"], []),
    ],
)
def test_the_export_is_filtered(org: Org, audit: Command, options: list[str], found: list[int]) -> None:
    record(org, "a", "b")
    record(org, "a", actor=Actor("member", "bob"))
    _, out, _ = audit("export", *options)
    assert [int(json.loads(line)["sequence"]) for line in out.splitlines()] == found


@pytest.mark.parametrize("instant", ["yesterday", "2026-03-01", "2026-03-01T00:00:00", "9999-12-31T23:59:59-14:00"])
def test_a_malformed_instant_is_a_usage_error(audit: Command, instant: str) -> None:
    code, out, err = audit("export", "--since", instant)
    assert (code, out) == (2, "")
    assert "2026-03-01T00:00:00Z" in err
