"""The command `rollcall`.

This module declares the commands. The code that does the work is imported inside them, so that `--help` is quick.
Errors are printed as one sentence, with exit code 2 for wrong arguments and 1 for everything else.
"""

import gc
import sys
from pathlib import Path
from typing import Annotated

import typer

from cli import assignments, audit, doctor, events, jobs, keys, mail, organizations, parties, records, sweeping
from cli.options import DataDir

DATA_DIR = Path(".rollcall")

UNCOLLECTED = 50_000
"""Number of new objects after which Python looks for garbage: far above its default."""

Port = Annotated[int, typer.Option(min=1, max=65535, help="The API's port on this machine.")]

DataFolder = Annotated[Path, typer.Option(help="Folder for all its data; created if missing.")]

app = typer.Typer(
    add_completion=False,
    rich_markup_mode="rich",
    help="Rollcall assigns training to thousands of parties at once, and records who completed what.",
    epilog="Start with `rollcall demo`, or `rollcall up` and then `rollcall org add acme --name Acme --time-zone UTC`.",
)


def _print_version(wanted: bool) -> None:
    """Print the version of the installed package, which pyproject.toml alone states."""
    if wanted:
        from importlib.metadata import version

        typer.echo(f"rollcall {version('rollcall')}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    pass


@app.command(rich_help_panel="Run")
def up(
    port: Port = 8000,
    data_dir: DataFolder = DATA_DIR,
) -> None:
    """Run the whole system: PostgreSQL, Redis, API, workers and beat. Stop it with Ctrl-C.

    It starts its own PostgreSQL and Redis, unless ROLLCALL_DATABASE_URL and ROLLCALL_REDIS_URL name others.
    The data stays in the folder; the next `rollcall up` on the same folder continues with it.

    \b
    Example:
      rollcall up --port 8080
    """
    from cli.up import up as run_up

    raise typer.Exit(run_up(port, data_dir))


@app.command(rich_help_panel="Run")
def api(
    host: Annotated[
        str, typer.Option(help="Address to listen on; 0.0.0.0 for all addresses of this machine.")
    ] = "127.0.0.1",
    port: Port = 8000,
    processes: Annotated[
        int, typer.Option(min=1, max=64, help="Processes that share the address: at most one for each processor.")
    ] = 1,
    data_dir: DataDir = None,
) -> None:
    """Run the API, in one process or in several.

    \b
    Example:
      rollcall api --host 0.0.0.0 --port 8000
      rollcall api --processes 4
    """
    from cli import serving, several, system

    if processes > 1:
        several.run(host, port, processes, several.data_dir_of(data_dir))
    else:
        serving.api(system.find(data_dir), host, port)


@app.command(rich_help_panel="Run")
def worker(
    queues: Annotated[
        str, typer.Option(help="The work it takes: `rollcall` (jobs), `deliveries` (webhooks and mail), or both.")
    ] = "rollcall,deliveries",
    data_dir: DataDir = None,
) -> None:
    """Run a worker with ROLLCALL_WORKER_CONCURRENCY processes. On SIGTERM it finishes its current tasks.

    A worker for deliveries alone is a sender: one process, which sends to many receivers at a time.

    \b
    Example:
      rollcall worker --data-dir .rollcall  # one more worker for a running `rollcall up`
      rollcall worker --queues deliveries
    """
    from cli import serving, system

    serving.worker(system.find(data_dir), [name.strip() for name in queues.split(",") if name.strip()])


@app.command(rich_help_panel="Run")
def beat(data_dir: DataDir = None) -> None:
    """Run beat, which starts all periodic work. One is enough; two do no harm."""
    from cli import serving, system

    serving.beat(system.find(data_dir))


@app.command(rich_help_panel="Run")
def migrate(
    data_dir: DataDir = None,
    finish: Annotated[
        bool, typer.Option("--finish", help="No process of the former release runs: drop what only they need.")
    ] = False,
) -> None:
    """Bring the database schema up to date. Can be repeated at any time.

    ROLLCALL_DATABASE_URL must name the owner of the tables, because the serving role may not change them.
    """
    from cli import serving, system

    serving.migrate(system.find(data_dir), finish=finish)


@app.command(rich_help_panel="Run")
def demo(
    once: Annotated[
        bool, typer.Option("--once", help="Stop at the end, instead of keeping the system running.")
    ] = False,
    port: Port = 8000,
    data_dir: DataFolder = DATA_DIR,
) -> None:
    """Try Rollcall: run the whole system with a sample organization, and assign a course to its 2,000 parties.

    Can be repeated on the same folder. `rollcall up` on that folder continues with the data.
    """
    from cli.demo import demo as run_demo

    run_demo(port, data_dir, once)


app.add_typer(keys.app, name="keys", rich_help_panel="Run")
app.add_typer(mail.app, name="mail", rich_help_panel="Run")
app.command(rich_help_panel="Look")(doctor.doctor)
app.add_typer(audit.app, name="audit", rich_help_panel="Look")
app.add_typer(events.app, name="events", rich_help_panel="Look")
app.add_typer(organizations.app, name="org", rich_help_panel="Use")
app.add_typer(parties.app, name="parties", rich_help_panel="Use")
app.add_typer(records.app, name="records", rich_help_panel="Use")
app.command(rich_help_panel="Use")(organizations.token)
app.command(rich_help_panel="Use")(assignments.assign)
app.add_typer(jobs.app, name="jobs", rich_help_panel="Use")
app.command(rich_help_panel="Use")(sweeping.sweep)


def run() -> None:
    """The entry point of `rollcall`. It never shows a traceback.

    Imported modules stay until the end. Searching them for garbage, during imports and at the exit, would take a third
    of a short command's time.
    """
    gc.set_threshold(UNCOLLECTED)
    try:
        sys.exit(run_command(sys.argv[1:] or ["--help"]))
    finally:
        gc.freeze()


def run_command(arguments: list[str]) -> int:
    """Run a command, and print an error as one sentence. Returns the exit code."""
    try:
        code: int | None = app(arguments, prog_name="rollcall", standalone_mode=False)
        return code or 0
    except typer.TyperException as error:
        context = getattr(error, "ctx", None)
        command = context.command_path if context else "rollcall"
        message = error.format_message()
        stop = "" if message.endswith((".", "?")) else "."
        sentence, code = f"{message}{stop} See `{command} --help`.", error.exit_code
    except Exception as error:
        from cli.failures import explain

        sentence, code = explain(error)
    print(sentence, file=sys.stderr)
    return code


if __name__ == "__main__":
    run()
