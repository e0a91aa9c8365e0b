"""Verifying an export alone: whatever is done to the file is found at its event, with nothing but a published head."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cli.main import run_command
from shared.access import Permission
from shared.events import Expected, FileVerification, Head
from shared.events.chain import link
from shared.events.exported import read_line
from tests.conftest import Servers
from tests.events.tampering import MINE, record, sealed_in_three_blocks, tamper
from tests.factories import Org

Command = Callable[..., tuple[int, str, str]]


def exported(org: Org) -> list[bytes]:
    """Returns the lines of an export of everything."""
    answer = org.client(Permission.ADMIN).get("/v1/audit/events", headers={"Accept": "application/x-ndjson"})
    return answer.content.splitlines(keepends=True)


def found(lines: list[bytes], *heads: Head | Expected) -> list[tuple[str, int, int]]:
    """Returns what is found in these lines, as (kind, first, last)."""
    verification = FileVerification(lines, [Expected(head.sequence, head.hash) for head in heads])
    return [(one.kind.value, one.first, one.last) for one in verification.findings()]


def changed(line: bytes, **values: Any) -> bytes:
    return json.dumps(json.loads(line) | values, separators=(",", ":")).encode() + b"\n"


def rewritten(lines: list[bytes], first: int) -> list[bytes]:
    """Returns the lines with another subject from event `first` on, and hashes that fit each other again."""
    tip, out = "0" * 64, []
    for line in lines:
        number = int(json.loads(line)["sequence"])
        line = changed(line, subject="party/other") if number >= first else line
        tip = link(tip, read_line(line).form)
        out.append(changed(line, hash=tip))
    return out


def test_an_untouched_export_fits_its_head(org: Org) -> None:
    first = sealed_in_three_blocks(org)
    record(org, "later")
    lines = exported(org)
    verification = FileVerification(lines, [Expected(first.sequence, first.hash)])
    assert list(verification.findings()) == []
    assert (verification.org, verification.count, verification.held) == (org.id, 11, 10)
    assert json.loads(lines[9])["hash"] == first.hash


def test_one_flipped_bit_of_any_byte_is_found_at_its_event(org: Org) -> None:
    whole = sealed_in_three_blocks(org)
    lines = exported(org)
    for number, line in enumerate(lines, 1):
        for place in range(0, len(line), 1 if number in (5, 10) else 17):
            flipped = line[:place] + bytes([line[place] ^ 1]) + line[place + 1 :]
            altered = b"".join([*lines[: number - 1], flipped, *lines[number:]]).splitlines(keepends=True)
            (kind, first, last), *_ = found(altered, whole)
            assert (kind, first, last) == ("altered", number, number), (number, place, flipped)


@pytest.mark.parametrize("dropped", range(1, 11))
def test_one_dropped_event_is_named(org: Org, dropped: int) -> None:
    whole = sealed_in_three_blocks(org)
    lines = exported(org)
    del lines[dropped - 1]
    assert found(lines, whole)[0] == ("cut-off" if dropped == 10 else "deleted", dropped, dropped)


def test_a_rewritten_tail_lies_between_the_head_that_holds_and_the_one_that_does_not(org: Org) -> None:
    record(org, "a", "b", "c")
    lines = exported(org)
    early = Expected(3, json.loads(lines[2])["hash"])
    record(org, "d", "e", "f")
    lines = exported(org)
    late = Expected(7, json.loads(lines[6])["hash"])
    assert found(rewritten(lines, first=8), early, late) == []
    altered = rewritten(lines, first=5)
    assert found(altered, late) == [("rewritten", 1, 7)]
    assert found(altered, late, early) == [("rewritten", 4, 7)]
    assert found([changed(line, subject="party/x") for line in lines[4:5]] + [], late)[0] == ("deleted", 1, 4)


def test_a_tail_that_keeps_its_former_hashes_is_named_event_by_event(org: Org) -> None:
    whole = sealed_in_three_blocks(org)
    lines = exported(org)
    tail = [changed(line, type="party.created") for line in lines[7:]]
    assert found(lines[:7] + tail, whole) == [("altered", number, number) for number in (8, 9, 10)]


def test_a_hash_that_was_altered_with_its_event_left_alone_accuses_no_other_event(org: Org) -> None:
    whole = sealed_in_three_blocks(org)
    lines = exported(org)
    lines[4] = changed(lines[4], hash="f" * 64)
    assert found(lines, whole) == [("altered", 5, 5)]


def test_events_that_were_swapped_added_or_cut_off_are_named(org: Org) -> None:
    whole = sealed_in_three_blocks(org)
    lines = exported(org)
    assert found([*lines[:4], lines[5], lines[4], *lines[6:]], whole)[0] == ("deleted", 5, 5)
    assert found([*lines[:5], lines[4], *lines[5:]], whole) == [("added", 5, 5)]
    assert found(lines[:8], whole) == [("cut-off", 9, 10)]
    assert found([*lines[:9], lines[9][:40]], whole) == [("altered", 10, 10)]
    assert found([], whole) == [("cut-off", 1, 10)]


def test_an_export_of_a_former_release_states_no_hashes_and_is_judged_by_the_head(org: Org) -> None:
    whole = sealed_in_three_blocks(org)
    plain = [json.loads(line) for line in exported(org)]
    for line in plain:
        del line["hash"]
    lines = [json.dumps(line).encode() + b"\n" for line in plain]
    assert found(lines, whole) == []
    lines[4] = changed(lines[4], subject="party/other")
    assert found(lines, whole) == [("rewritten", 1, 10)]


def test_what_the_owner_of_the_tables_altered_does_not_fit_the_head(org: Org, servers: Servers) -> None:
    whole = sealed_in_three_blocks(org)
    tamper(servers, org, f"UPDATE event SET subject = 'party/other' WHERE {MINE} AND sequence = 5")
    assert found(exported(org), whole) == [("rewritten", 1, 10)]


@pytest.mark.parametrize(
    "line",
    [
        b"\n",
        b"[]\n",
        b"null\n",
        b"\xff\xfe\n",
        b"[" * 100_000,
        b'{"data": null}\n',
        b'{"time": "9999-12-31T23:59:59-14:00"}\n',
    ],
)
def test_a_line_that_is_no_event_is_one_finding(org: Org, line: bytes) -> None:
    whole = sealed_in_three_blocks(org)
    lines = exported(org)
    lines[4] = line
    assert found(lines, whole) == [("altered", 5, 5)]


def test_only_an_export_of_everything_states_hashes(org: Org) -> None:
    record(org, "a")
    client = org.client(Permission.ADMIN)
    for query in ({"partyId": "a"}, {"order": "desc"}, {"types": "party.changed"}, {"since": "2020-01-01T00:00:00Z"}):
        answer = client.get("/v1/audit/events", params=query, headers={"Accept": "application/x-ndjson"})
        assert "hash" not in json.loads(answer.text.splitlines()[0])
    scoped = org.client(Permission.ADMIN, folders=["crew"]).get(
        "/v1/audit/events", headers={"Accept": "application/x-ndjson"}
    )
    assert "hash" not in scoped.text


# --- the command


@pytest.fixture
def verify(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    """`rollcall audit verify --file` of these lines without any setting. Returns exit code, stdout and stderr."""
    monkeypatch.setattr("cli.system.find", None)

    def run(lines: list[bytes], *arguments: str) -> tuple[int, str, str]:
        path = tmp_path / "events.ndjson"
        path.write_bytes(b"".join(lines))
        capsys.readouterr()
        code = run_command(["audit", "verify", "--file", str(path), *arguments])
        out, err = capsys.readouterr()
        return code, out, err

    return run


def test_the_command_needs_only_the_file_and_the_head(org: Org, verify: Command) -> None:
    whole = sealed_in_three_blocks(org)
    record(org, "later")
    lines, given = exported(org), f"{whole.sequence}:{whole.hash}"
    held = f"Events 1 to 10 of {org.id} are those of the published head."
    assert verify(lines[:10], "--head", given) == (0, f"{held}\n", "")
    assert verify(lines, "--head", given)[1] == f"{held} The last 1 came after the head, which says nothing of them.\n"
    del lines[4]
    said = "Event 5 was deleted.\nevents.ndjson is not what was recorded.\n"
    assert verify(lines, "--head", given) == (1, said, "")
    code, out, _ = verify(lines, "--head", given, "--json")
    assert (code, json.loads(out)["findings"][0]["first"]) == (1, 5)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "--head"),
        (["--head", "10"], "SEQUENCE:HASH"),
        (["--head", f"10:{'a' * 64}", "--org", "acme"], "--org"),
    ],
)
def test_a_wrong_call_is_a_usage_error(verify: Command, arguments: list[str], sentence: str) -> None:
    code, out, err = verify([], *arguments)
    assert (code, out) == (2, "")
    assert sentence in err


def test_a_file_that_is_not_there_is_a_usage_error(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert run_command(["audit", "verify", "--file", str(tmp_path / "no"), "--head", f"10:{'a' * 64}"]) == 2
    assert "cannot be read" in capsys.readouterr().err
