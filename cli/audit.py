"""`rollcall audit`: verify the hash chain over the events, print its head, export events.

These commands read the database and not the API: a proof should depend on as little code as possible.
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.options import DataDir, Org, external_id
from cli.published import (
    MOST_FINDINGS,
    head_of,
    print_findings,
    print_findings_as_json,
    verify_export,
    verify_proof,
)

if TYPE_CHECKING:
    from shared.events import Expected, Finding, Verification

app = typer.Typer(help="Check that no event was altered, and export events.")

Instant = Annotated[str | None, typer.Option(metavar="INSTANT", help="For example 2026-03-01T00:00:00Z.")]
Expect = Annotated[
    str | None,
    typer.Option(
        metavar="SEQUENCE:HASH", help="A head that `audit head` printed earlier; it must still be part of the chain."
    ),
]
OrgOfTables = Annotated[
    str | None,
    typer.Option("--org", parser=external_id, metavar="ORG", help="The organization's id, to verify the tables."),
]
ExportFile = Annotated[
    Path | None, typer.Option("--file", metavar="EXPORT", help="An export of everything, to verify it alone.")
]
ProofFile = Annotated[
    Path | None,
    typer.Option("--proof", metavar="FILE", help="An answer of GET /v1/audit/inclusion or /consistency, as a file."),
]
Heads = Annotated[
    list[str] | None,
    typer.Option(
        "--head",
        metavar="HEAD",
        help="A published head, for --file (several narrow down what was rewritten) and --proof (with its root).",
    ),
]
Id = Annotated[str | None, typer.Option(parser=external_id, metavar="ID", help="Only events with this id.")]


@app.command()
def verify(
    org: OrgOfTables = None,
    expect: Expect = None,
    file: ExportFile = None,
    proof: ProofFile = None,
    head: Heads = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Compute the hash chain over all events again, and list the events that were edited, deleted, moved or cut off.

    With --org it reads the tables. With --file it reads an export of everything, with --proof the proof of one event or
    of two heads; these need no system, only heads that were published. Changes nothing. Exit code 1 if something was
    altered. Somebody who can write to the tables can also seal altered events again; so keep the head in another place,
    and give it with --expect the next time.

    \b
    Examples:
      rollcall audit verify --org acme --expect 4812:9f2c...
      rollcall audit verify --file events.ndjson --head 4812:9f2c...
      rollcall audit verify --proof inclusion.json --head 4812:9f2c...:77ab...
    """
    if [org, file, proof].count(None) != 2:
        raise typer.BadParameter("give one of --org to verify the tables, --file an export, --proof a proof")
    if proof is not None:
        raise typer.Exit(0 if verify_proof(proof, head or [], as_json=as_json) else 1)
    if file is not None:
        raise typer.Exit(0 if verify_export(file, head or [], as_json=as_json) else 1)
    if org is None or head:
        raise typer.BadParameter("--head belongs to --file and --proof; a head for the tables is given with --expect")
    _verify_tables(org, head_of(expect) if expect is not None else None, data_dir, as_json=as_json)


def _verify_tables(org: str, expected: "Expected | None", data_dir: Path | None, *, as_json: bool) -> None:
    from itertools import islice

    from rich.console import Console

    from cli import system
    from cli.bars import bar
    from shared import access, events

    with system.find(data_dir).database() as database, database.transaction(org) as db:
        verification = events.Verification(db, expected)
        access.get_organization(db)  # raises OrganizationUnknown
        with bar(Console(stderr=True), verification.counter, "events", transient=True) as update:
            read = verification.findings(lambda count: update(completed=count))
            findings = list(islice(read, MOST_FINDINGS))
    (_print_json if as_json else _print_sentences)(org, verification, findings)
    raise typer.Exit(1 if findings else 0)


@app.command()
def head(
    org: Org,
    root: Annotated[bool, typer.Option("--root", help="Print SEQUENCE:HASH:ROOT, which also proofs need.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Print the head of the hash chain as SEQUENCE:HASH and nothing else, for an auditor to keep."""
    from cli import system
    from cli.failures import Failed
    from shared import access, events

    with system.find(data_dir).database() as database, database.transaction(org) as db:
        access.get_organization(db)
        found = events.tree_head(db)
    if found.sealed_at is None:
        raise Failed(f"No event of {org} is sealed yet. `rollcall worker` and `rollcall beat` seal events each minute.")
    if root and found.root is None:
        raise Failed("The tree is still growing over events that a former release sealed; try again in some minutes.")
    typer.echo(f"{found.sequence}:{found.hash}" + (f":{found.root}" if root else ""))


@app.command()
def export(
    org: Org,
    since: Instant = None,
    until: Instant = None,
    party: Id = None,
    actor: Id = None,
    subject: Annotated[str | None, typer.Option(metavar="NOUN/ID", help="For example assignment/ and an id.")] = None,
    type: Annotated[list[str] | None, typer.Option(metavar="TYPE", help="For example assignment.created.")] = None,
    data_dir: DataDir = None,
) -> None:
    """Print events as CloudEvents, one JSON object a line, from --since up to but not including --until.

    Without options it prints all of them, each with its hash, and `audit verify --file` checks that file alone.

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
            access.get_organization(db)
            rows = events.list_events(db, filters)
        for lines in export_events(database, org, rows, chained=filters.everything):
            typer.echo(lines, nl=False)


def _instant(text: str | None) -> datetime | None:
    """Parse an RFC 3339 instant. Raises BadParameter."""
    if text is None:
        return None
    try:
        instant = datetime.fromisoformat(text)
        if instant.tzinfo is not None:
            return instant.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise typer.BadParameter("give a date, a time and a zone, for example 2026-03-01T00:00:00Z")


def _print_json(org: str, verification: "Verification", findings: "list[Finding]") -> None:
    print_findings_as_json(verification, findings, org=org, sealedUpTo=verification.sealed)


def _print_sentences(org: str, verification: "Verification", findings: "list[Finding]") -> None:
    unsealed = verification.count - verification.sealed
    waiting = f" The last {unsealed:,} are not sealed yet." if unsealed else ""
    print_findings(
        findings,
        altered=f"The events of {org} were altered after they were recorded.",
        unaltered=f"The {verification.count:,} events of {org} are unaltered.{waiting}",
    )
