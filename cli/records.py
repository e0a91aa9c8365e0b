"""`rollcall records import`: bring in a file of licences that were earned elsewhere or before, without an API."""

import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.options import DataDir, Org
from cli.parties import SHOWN, SOME_FAILED, TO_REPAIR, Errors, Meanings, Sheet, body_of

if TYPE_CHECKING:
    from shared.access import Caller
    from shared.database import Database
    from shared.jobs import Claim, Job
    from shared.services.records import Sent
    from shared.settings import Settings

PAUSE_SECONDS = 0.2

app = typer.Typer(help="Bring in records of the past.")

File = Annotated[Path, typer.Argument(metavar="FILE", help="A CSV, JSON or NDJSON file or a workbook (.xlsx).")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only show what would happen.")]
OwnIssuer = Annotated[bool, typer.Option("--confirm-own-issuer", help="Rows may name your own organization as issuer.")]


@app.callback()
def records() -> None:
    """Keep `import` the name of a command of its own."""


@app.command(name="import")
def import_records(
    file: File,
    org: Org,
    meanings: Meanings = None,
    sheet: Sheet = None,
    dry_run: DryRun = False,
    confirm_own_issuer: OwnIssuer = False,
    errors: Errors = None,
    data_dir: DataDir = None,
) -> None:
    """Import the records of a file as a job, and do its work here. Nobody is mailed.

    Exit code 0 when every row went in or was there already, 3 when some did not. Needs only the database; an embedded
    one that is stopped is started for the moment.

    \b
    Example:
      rollcall records import history.csv --org acme --map "Badge=partyId" --dry-run
    """
    from cli import system
    from shared.services.records import Sent

    sent = Sent(body_of(file, meanings, sheet), confirm_own_issuer)
    found = system.find(data_dir)
    with found.database() as database:
        whole = _preview(database, org, sent) if dry_run else _import(database, org, sent, found.settings)
        if errors is not None and not whole:
            _write_errors(database, org, sent, errors)
    raise typer.Exit(0 if whole else SOME_FAILED)


def _write_errors(database: "Database", org: str, sent: "Sent", errors: Path) -> None:
    """Write the rows that would fail now: what went in would be unchanged."""
    from shared import clock
    from shared.services import records

    with database.transaction(org) as db:
        errors.write_bytes(records.rows_to_repair(db, _caller(org), sent, clock.now()))
    typer.echo(TO_REPAIR.format(errors))


def _preview(database: "Database", org: str, sent: "Sent") -> bool:
    """Print what the import would do. Returns True if every row would go in."""
    from shared import clock
    from shared.services import records

    with database.transaction(org) as db:
        preview = records.preview_records(db, _caller(org), sent, clock.now())
    for column, meant in preview.columns.items():
        typer.echo(f"{column} is {meant}")
    for note in preview.notes:
        typer.echo(note)
    if preview.ignored_columns:
        typer.echo(f"Ignored: {', '.join(preview.ignored_columns)}")
    for each in preview.outcomes:
        if each.outcome == "failed":
            for row in each.examples:
                typer.echo(_said(row.row, row.line, row.detail))
    counted = ", ".join(f"{each.count:,} {each.code}" for each in preview.outcomes)
    typer.echo(f"Nothing was written. It would be: {counted}.")
    return all(each.outcome != "failed" for each in preview.outcomes)


def _import(database: "Database", org: str, sent: "Sent", settings: "Settings") -> bool:
    """Submit the job, work on it until it has ended, and print its results. Returns True if every row went in."""
    from shared import access, clock
    from shared.access import FeatureNotAvailable
    from shared.jobs import JobState
    from shared.services import records

    with database.transaction(org) as db:
        reason = access.unavailability(access.get_organization(db), settings.features)
        if reason:
            raise FeatureNotAvailable(reason)
        accepted = records.import_records(
            db, _caller(org), sent, None, workers=settings.worker_concurrency, now=clock.now()
        )
        job_id = accepted.job.id
    job = _read_job(database, org, job_id)
    if job.state == JobState.AWAITING_APPROVAL:
        typer.echo(f"Job {job_id} of {job.total:,} rows waits for the approval of another member.")
        return False
    while not job.has_ended:
        _work(database, org, settings)
        job = _read_job(database, org, job_id)
    _report(database, org, job)
    return job.failed + job.cancelled == 0


def _work(database: "Database", org: str, settings: "Settings") -> None:
    """Do the organization's next due chunk as a worker does, or wait a moment for the workers that have them."""
    from shared import clock, jobs

    with database.transaction(org) as db:
        claimed = jobs.claim(db, clock.now(), settings.job_claim_seconds, settings.job_window)
    if claimed is None:
        time.sleep(PAUSE_SECONDS)
        return
    try:
        _attempt(database, org, claimed)
    except Exception:
        with database.transaction(org) as db:
            job = jobs.isolate(db, claimed, clock.now())
            if job is not None:
                jobs.call_on_end(db, job, clock.now())


def _attempt(database: "Database", org: str, claimed: "Claim") -> None:
    from shared import clock, jobs, statistics

    with database.transaction(org) as db:
        chunk = jobs.lock(db, claimed)
        if chunk is None:
            return
        tally = jobs.kind_of(chunk.job).carry_out(db, chunk, clock.now())
        now = clock.now()
        jobs.call_on_end(db, jobs.finish(db, chunk, tally, now), now)
    statistics.keep(database, org, written=chunk.size)


def _report(database: "Database", org: str, job: "Job") -> None:
    from shared.jobs import Outcome, ResultAnswer
    from shared.services import jobs

    with database.transaction(org) as db:
        found = jobs.list_results(db, _caller(org), job.id, Outcome.FAILED)
        for row in db.execute(found.rows.limit(SHOWN)):
            result = ResultAnswer.of(row, found.record)
            typer.echo(_said(result.row, result.line, result.detail))
    if job.failed > SHOWN:
        typer.echo("...")
    typer.echo(
        f"{job.succeeded:,} recorded, {job.unchanged:,} were there already, {job.failed:,} did not go in. Job {job.id}."
    )


def _said(row: int | None, line: int | None, detail: str) -> str:
    return f"Row {row}{'' if line is None else f', line {line}'}: {detail}"


def _caller(org: str) -> "Caller":
    from shared.access import Caller, Permission

    return Caller(org, "cli", frozenset({Permission.ADMIN}))


def _read_job(database: "Database", org: str, job_id: uuid.UUID) -> "Job":
    from shared import jobs

    with database.transaction(org) as db:
        return jobs.get(db, job_id)
