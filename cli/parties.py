"""`rollcall parties import`: put a file of people into the directory, without an API."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.options import DataDir, Org

if TYPE_CHECKING:
    from shared.database import Database
    from shared.directory import PartyRow, Reading, SyncAnswer, Warned
    from shared.sheets import Body

SOME_FAILED = 3
"""Exit code: some rows did not go in; the others did."""
TO_REPAIR = "The rows that did not go in are in {}; correct them there and import that file."
SHOWN = 20
"""Faults that are printed; `--errors` writes all of them."""

app = typer.Typer(help="Put people into the directory.")

File = Annotated[Path, typer.Argument(metavar="FILE", help="A CSV file or a workbook (.xlsx).")]
Meanings = Annotated[
    list[str] | None,
    typer.Option(
        "--map",
        metavar='"COLUMN=FIELD"',
        help='What a column is, such as "Employee ID=entityId"; "COLUMN=" ignores it. Remembered. Can be repeated.',
    ),
]
Sheet = Annotated[
    str | None, typer.Option(metavar="NAME", help="The sheet of a workbook, where several have such a table.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only show what would happen.")]
Errors = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Write the rows that did not go in here, with a column of reasons.")
]


@dataclass
class Outcome:
    """The result of importing a file. reasons: why a row did not go in, by its number."""

    counts: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    reasons: dict[int, list[str]] = field(default_factory=lambda: defaultdict(list))
    warned: "list[Warned]" = field(default_factory=list)
    folders: list[str] = field(default_factory=list)

    def add(self, answer: "SyncAnswer") -> None:
        """Count a part of the file."""
        from shared.services.directory import reasons_of

        for name in ("created", "updated", "unchanged"):
            self.counts[name] += getattr(answer, name)
        for n, reasons in reasons_of(answer).items():
            self.reasons[n] += reasons
        self.warned += (warned for warned in answer.warnings if warned.code != "erased")
        self.folders += answer.folders_created


@app.command(name="import")
def import_parties(
    file: File,
    org: Org,
    meanings: Meanings = None,
    sheet: Sheet = None,
    dry_run: DryRun = False,
    errors: Errors = None,
    data_dir: DataDir = None,
) -> None:
    """Create and update the parties of a file. A column that the file does not have stays as it is.

    Commas, semicolons or tabs; UTF-8, UTF-16 or Windows-1252. Exit code 0 when every row went in, 3 when some did not.
    Needs only the database; an embedded one that is stopped is started for the moment.

    \b
    Example:
      rollcall parties import staff.csv --org acme --map "Employee ID=entityId" --errors repair.csv
    """
    from cli import system
    from shared.directory import FIELDS
    from shared.sheets import rows_to_repair

    body = body_of(file, meanings, sheet)
    with system.find(data_dir).database() as database:
        reading, outcome = _import(database, org, body, dry_run)
    _report(reading, outcome, dry_run)
    if errors is not None and outcome.reasons:
        again = replace(body, now_said=reading.columns)
        errors.write_bytes(rows_to_repair(again, FIELDS, {}, outcome.reasons))
        typer.echo(TO_REPAIR.format(errors))
    raise typer.Exit(SOME_FAILED if outcome.reasons else 0)


def _import(database: "Database", org: str, body: "Body", dry_run: bool) -> "tuple[Reading, Outcome]":
    """Import the file in parts of as many rows as the API takes, each in a transaction of its own."""
    from shared import access, clock
    from shared.access import Caller, Permission
    from shared.directory import MAX_PARTIES
    from shared.services import directory
    from shared.sheets import placed

    caller, now = Caller(org, "cli", frozenset({Permission.SYNC_DIRECTORY})), clock.now()
    outcome = Outcome()
    with database.transaction(org) as db:
        access.get_organization(db)  # raises OrganizationUnknown
        reading = directory.read_file(db, caller, body, now)
        if dry_run:
            db.rollback()
    for bad in reading.bad:
        outcome.reasons[bad.row].append(placed(bad.line, bad.column, bad.detail))
    for part in _parts(reading.rows, MAX_PARTIES):
        with database.transaction(org) as db:
            outcome.add(directory.put_read_parties(db, caller, reading, part, now))
            if dry_run:
                db.rollback()
    return reading, outcome


def _parts(rows: "Sequence[PartyRow]", size: int) -> "Iterator[Sequence[PartyRow]]":
    return (rows[start : start + size] for start in range(0, len(rows), size))


TYPES = {".json": "application/json", ".ndjson": "application/x-ndjson", ".jsonl": "application/x-ndjson"}
"""The media type of a file by its name; any other file is CSV or a workbook, whichever it is."""


def body_of(file: Path, meanings: list[str] | None, sheet: str | None) -> "Body":
    """Returns the content of a file of rows. Raises Failed and BadParameter."""
    from cli.failures import Failed
    from shared.sheets import CSV, Body, meaning_of, opened_of

    try:
        said = dict(meaning_of(each) for each in meanings or [])
    except ValueError as error:
        raise typer.BadParameter(f"--map: {error}") from None
    try:
        content = file.read_bytes()
    except OSError as error:
        raise Failed(f"{file} cannot be read: {error.strerror}.") from None
    body = Body(TYPES.get(file.suffix.lower(), CSV), content, sheet=sheet, now_said=said)
    return replace(body, opened=opened_of(body)) if body.is_file else body


def _report(reading: "Reading", outcome: Outcome, dry_run: bool) -> None:
    for column, meant in reading.columns.items():
        typer.echo(f"{column} is {meant}")
    for note in reading.notes:
        typer.echo(note)
    if reading.ignored_columns:
        typer.echo(f"Ignored: {', '.join(reading.ignored_columns)}")
    if outcome.folders:
        typer.echo(f"New folders: {', '.join(outcome.folders)}")
    _first(f"Please check {warned.entity_id}. {warned.detail}" for warned in outcome.warned)
    _first(f"Row {row} {'; '.join(why)}" for row, why in sorted(outcome.reasons.items()))
    counted = ", ".join(f"{outcome.counts[name]:,} {name}" for name in ("created", "updated", "unchanged"))
    would = "Nothing was written. It would be: " if dry_run else ""
    typer.echo(f"{would}{counted}, {len(outcome.reasons):,} did not go in.")


def _first(lines: Iterable[str]) -> None:
    for n, line in enumerate(lines):
        if n == SHOWN:
            typer.echo("...")
            return
        typer.echo(line)
