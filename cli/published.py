"""Checking what an outsider holds against heads that were published: an export of everything, a proof of one event.

Needs no system, no settings and no network, only the file.
"""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from shared.events import Expected, FileVerification, Finding, Verification

MOST_FINDINGS = 100
"""Upper bound of findings listed: more would only fill the screen and the memory."""

LONGEST_LINE = 1 << 20
"""Bytes of a line that is read at once; a longer one is no event."""


def head_of(text: str) -> "Expected":
    """Parse a head as `rollcall audit head` prints it. Raises BadParameter."""
    from shared.events import Expected

    written = re.fullmatch(r"([1-9][0-9]{0,17}):([0-9a-f]{64})(?::([0-9a-f]{64}))?", text.strip().lower())
    if not written:
        raise typer.BadParameter(
            "a head is SEQUENCE:HASH or SEQUENCE:HASH:ROOT, a number and 64 hexadecimal digits each, "
            "as `audit head` prints it"
        )
    return Expected(int(written[1]), written[2], written[3])


def verify_export(path: Path, heads: Sequence[str], *, as_json: bool) -> bool:
    """Verify an export of everything and print what was found. Returns True if nothing was altered.

    Raises BadParameter without a head, or if the file cannot be read.
    """
    from rich.console import Console

    from cli.bars import bar
    from shared.events import FileVerification

    if not heads:
        raise typer.BadParameter("give a published head with --head: a file alone proves nothing")
    expected = [head_of(head) for head in heads]
    try:
        with (
            path.open("rb") as file,
            bar(Console(stderr=True), max(head.sequence for head in expected), "events", transient=True) as update,
        ):
            verification = FileVerification(_lines(file), expected)
            findings = list(islice(verification.findings(lambda count: update(completed=count)), MOST_FINDINGS))
    except OSError as error:
        raise typer.BadParameter(f"{path} cannot be read: {error.strerror}") from None
    (_print_json if as_json else _print_sentences)(path, verification, findings)
    return not findings


def verify_proof(path: Path, heads: Sequence[str], *, as_json: bool) -> bool:
    """Verify an inclusion or consistency proof as the API answers it, and print the verdict.

    Returns True if it holds. Raises BadParameter if the file is no proof, or the heads are not those that it needs.
    """
    try:
        proof = json.loads(path.read_bytes())
        judge = _consistency if "secondTreeSize" in proof else _inclusion
        sentence, holds = judge(proof, [head_of(head) for head in heads])
    except OSError as error:
        raise typer.BadParameter(f"{path} cannot be read: {error.strerror}") from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise typer.BadParameter(f"{path} is no proof as GET /v1/audit/inclusion or /consistency answers it") from None
    typer.echo(json.dumps({"ok": holds, "detail": sentence}, indent=2) if as_json else sentence)
    return holds


def _inclusion(proof: dict[str, Any], heads: "Sequence[Expected]") -> tuple[str, bool]:
    from shared.events import leaf_hash, root_by_inclusion

    sequence, size, form = proof["sequence"], proof["treeSize"], proof["form"]
    head = _root_of(size, heads)
    path = [bytes.fromhex(digest) for digest in proof["path"]]
    event = json.loads(form)
    root = root_by_inclusion(leaf_hash(form.encode()), sequence - 1, size, path)
    if event["sequence"] != sequence or root is None or root.hex() != head:
        return f"Event {sequence} as the proof has it is not in the tree of the published head.", False
    about = f"{event['type']} of {event['subject']}, {event['recorded_at']}"
    return f"Event {sequence} ({about}) is one of the {size:,} events of the published head.", True


def _consistency(proof: dict[str, Any], heads: "Sequence[Expected]") -> tuple[str, bool]:
    from shared.events import is_consistent

    first, second = proof["firstTreeSize"], proof["secondTreeSize"]
    roots = bytes.fromhex(_root_of(first, heads)), bytes.fromhex(_root_of(second, heads))
    if is_consistent(first, second, roots, [bytes.fromhex(digest) for digest in proof["path"]]):
        return f"The first {first:,} of the {second:,} events are those of the earlier head.", True
    return f"Events 1 to {first:,} were rewritten: the later head does not go on from the earlier one.", False


def _root_of(size: int, heads: "Sequence[Expected]") -> str:
    for head in heads:
        if head.sequence == size and head.root is not None:
            return head.root
    raise typer.BadParameter(
        f"give --head {size}:HASH:ROOT, the head that this proof is for; `audit head --root` prints heads with a root"
    )


def _lines(file: IO[bytes]) -> Iterator[bytes]:
    return iter(lambda: file.readline(LONGEST_LINE), b"")


def _print_json(_: Path, verification: "FileVerification", findings: "list[Finding]") -> None:
    print_findings_as_json(verification, findings, org=verification.org, heldUpTo=verification.held)


def _print_sentences(path: Path, verification: "FileVerification", findings: "list[Finding]") -> None:
    later = verification.count - verification.held
    alone = f" The last {later:,} came after the head, which says nothing of them." if later else ""
    print_findings(
        findings,
        altered=f"{path.name} is not what was recorded.",
        unaltered=f"Events 1 to {verification.held:,} of {verification.org} are those of the published head.{alone}",
    )


def print_findings(findings: "list[Finding]", *, altered: str, unaltered: str) -> None:
    """Print the findings as sentences, and one that sums them up: altered or unaltered."""
    for finding in findings:
        typer.echo(finding.detail)
    if len(findings) == MOST_FINDINGS:
        typer.echo(f"Stopped after {MOST_FINDINGS} findings; later events were not checked.")
    else:
        typer.echo(altered if findings else unaltered)


def print_findings_as_json(
    verification: "Verification | FileVerification", findings: "list[Finding]", *, org: str | None, **up_to: int
) -> None:
    """Print the findings as JSON. up_to: the last event that is known to be unaltered, by the name of the field."""
    about = {
        "ok": not findings,
        "org": org,
        "events": verification.count,
        "sequence": verification.sequence,
        "hash": verification.hash,
        **up_to,
        "findings": [asdict(finding) for finding in findings],
    }
    typer.echo(json.dumps(about, indent=2))
