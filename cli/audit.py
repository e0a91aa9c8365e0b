"""The audit log from the operator's side: was the past altered, how far is it sealed, hand it out.

These read the database and not the API: a proof should rest on as little as possible.
"""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.options import DataDir, Org, external_id

if TYPE_CHECKING:
    from shared.events import Expected, Finding, Verification

app = typer.Typer(help="Prove that no event was altered, and export the events.")

MOST_FINDINGS = 100
"""By then it is clear; what else is wrong would only fill the screen, or the memory."""

Instant = Annotated[str | None, typer.Option(metavar="INSTANT", help="Such as 2026-03-01T00:00:00Z.")]
Id = Annotated[str | None, typer.Option(parser=external_id, metavar="ID", help="Only what concerns this one.")]


@app.command()
def verify(
    org: Org,
    expect: Annotated[
        str | None, typer.Option(metavar="SEQUENCE:HASH", help="A head written down earlier, which must still hold.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Compute the hash chain over all events again, and say what was edited, deleted, moved or cut off, and where.

    Changes nothing. Exit code 1 where something was altered. Whoever can write to the tables can seal a rewritten past
    anew, so write the head down elsewhere, and give it with --expect the next time.

    \b
    Example:
      rollcall audit verify --org acme --expect 4812:9f2c...
    """
    from itertools import islice

    from cli import system
    from shared import access, events

    expected = _expected(expect) if expect is not None else None
    with system.find(data_dir).database() as database, database.transaction(org) as db:
        verification = events.Verification(db, expected)
        access.organization(db)  # says so where there is none
        with _progress(verification.counter) as tell:
            findings = list(islice(verification.findings(tell), MOST_FINDINGS))
    if as_json:
        _tell_programs(org, verification, findings)
    else:
        _tell_people(org, verification, findings)
    raise typer.Exit(1 if findings else 0)


@app.command()
def head(org: Org, data_dir: DataDir = None) -> None:
    """Print the head of the hash chain as SEQUENCE:HASH, and nothing else: what an auditor writes down."""
    from cli import system
    from cli.failures import Failed
    from shared import access, events

    with system.find(data_dir).database() as database, database.transaction(org) as db:
        access.organization(db)
        found = events.sealed_head(db)
    if found.sealed_at is None:
        raise Failed(
            f"No event of {org} is sealed yet; a running `rollcall worker` and `rollcall beat` do it each minute."
        )
    typer.echo(f"{found.sequence}:{found.hash}")


@app.command()
def export(
    org: Org,
    since: Instant = None,
    until: Instant = None,
    party: Id = None,
    actor: Id = None,
    subject: Annotated[str | None, typer.Option(metavar="NOUN/ID", help="Such as assignment/ and its id.")] = None,
    type: Annotated[list[str] | None, typer.Option(metavar="TYPE", help="Such as assignment.created.")] = None,
    data_dir: DataDir = None,
) -> None:
    """Print events as CloudEvents, a line of JSON each. Those recorded at --until are left out.

    \b
    Example:
      rollcall audit export --org acme --since 2026-03-01T00:00:00Z > events.ndjson
    """
    from cli import system
    from shared import access, events
    from shared.services.events import export_events

    filters = events.Filters(
        party_id=party,
        actor_id=actor,
        subject=subject,
        types=type or (),
        since=_instant(since),
        until=_instant(until),
    )
    with system.find(data_dir).database() as database:
        with database.transaction(org) as db:
            access.organization(db)
            rows = events.listed(db, filters)
        for lines in export_events(database, org, rows):
            typer.echo(lines, nl=False)


def _expected(head: str) -> "Expected":
    """A head as `rollcall audit head` prints it. Raises BadParameter."""
    from shared.events import Expected

    written = re.fullmatch(r"([1-9][0-9]{0,17}):([0-9a-f]{64})", head.strip().lower())
    if not written:
        raise typer.BadParameter(
            "a head is SEQUENCE:HASH, a number and 64 hexadecimal digits, as `audit head` prints it"
        )
    return Expected(int(written[1]), written[2])


def _instant(text: str | None) -> datetime | None:
    """An RFC 3339 instant. Raises BadParameter."""
    if text is None:
        return None
    try:
        instant = datetime.fromisoformat(text)
        if instant.tzinfo is not None:
            return instant.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise typer.BadParameter("an instant has a date, a time and a zone, such as 2026-03-01T00:00:00Z")


@contextmanager
def _progress(total: int) -> Iterator[Callable[[int], None]]:
    """A bar on a terminal; elsewhere nothing."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    columns = (BarColumn(), TextColumn("{task.completed:,.0f} of {task.total:,.0f} events"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=total)
        yield lambda count: progress.update(task, completed=count)


def _tell_programs(org: str, verification: "Verification", findings: "list[Finding]") -> None:
    from dataclasses import asdict

    about: dict[str, Any] = {
        "ok": not findings,
        "org": org,
        "events": verification.count,
        "sequence": verification.sequence,
        "hash": verification.hash,
        "sealedUpTo": verification.sealed,
        "findings": [asdict(finding) for finding in findings],
    }
    typer.echo(json.dumps(about, indent=2))


def _tell_people(org: str, verification: "Verification", findings: "list[Finding]") -> None:
    for finding in findings:
        typer.echo(finding.detail)
    if len(findings) == MOST_FINDINGS:
        typer.echo(f"After {MOST_FINDINGS} findings the rest was not looked at.")
    elif findings:
        typer.echo(f"The events of {org} are not what was recorded.")
    else:
        unsealed = verification.count - verification.sealed
        waiting = f"; the last {unsealed:,} wait for their seal" if unsealed else ""
        typer.echo(f"The {verification.count:,} events of {org} are what was recorded{waiting}.")
