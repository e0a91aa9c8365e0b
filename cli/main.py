"""The command `rollcall`: a person's way in.

Declares what can be asked and hands it on. What does the work is imported inside, so that `--help` is quick; errors
leave as one sentence, with exit code 2 where the question was wrong and 1 where the answer is.
"""

import gc
import sys
from pathlib import Path
from typing import Annotated

import typer

from cli import assignments, audit, doctor, events, jobs, keys, organizations, sweeping
from cli.options import DataDir

DATA_DIR = Path(".rollcall")

UNCOLLECTED = 50_000
"""Objects made before garbage is sought among the young."""

Port = Annotated[int, typer.Option(min=1, max=65535, help="Port of the API on this machine.")]

app = typer.Typer(
    add_completion=False,
    rich_markup_mode="rich",
    help="Rollcall assigns training to thousands of parties at once, and records who completed what.",
    epilog="Begin with `rollcall demo`, or `rollcall up` and then `rollcall org add acme --name Acme --time-zone UTC`.",
)


@app.command(rich_help_panel="Run")
def up(
    port: Port = 8000,
    data_dir: Annotated[Path, typer.Option(help="Folder for everything it keeps; made if need be.")] = DATA_DIR,
) -> None:
    """Run everything: PostgreSQL, Redis, API, workers, beat. Ctrl-C ends it.

    Brings a PostgreSQL and a Redis of its own, unless ROLLCALL_DATABASE_URL and ROLLCALL_REDIS_URL name others.
    What it keeps outlives it: the next `up` on the same folder carries on.

    \b
    Example:
      rollcall up --port 8080
    """
    from cli.up import up as run_up

    raise typer.Exit(run_up(port, data_dir))


@app.command(rich_help_panel="Run")
def api(
    host: Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0 for all.")] = "127.0.0.1",
    port: Port = 8000,
    data_dir: DataDir = None,
) -> None:
    """Run one API process.

    \b
    Example:
      rollcall api --host 0.0.0.0 --port 8000
    """
    from cli import serving, system

    serving.api(system.find(data_dir), host, port)


@app.command(rich_help_panel="Run")
def worker(
    queues: Annotated[
        str, typer.Option(help="What it does: `rollcall` (jobs), `deliveries` (webhooks, mail), or both.")
    ] = "rollcall,deliveries",
    data_dir: DataDir = None,
) -> None:
    """Run a worker with ROLLCALL_WORKER_CONCURRENCY processes. On SIGTERM it finishes what it holds.

    One for deliveries alone is a sender: one process, which talks to many receivers at a time.

    \b
    Example:
      rollcall worker --data-dir .rollcall  # gives a running `rollcall up` another worker.
      rollcall worker --queues deliveries
    """
    from cli import serving, system

    serving.worker(system.find(data_dir), [name.strip() for name in queues.split(",") if name.strip()])


@app.command(rich_help_panel="Run")
def beat(data_dir: DataDir = None) -> None:
    """Run the clock for everything periodic. One is enough; two are harmless."""
    from cli import serving, system

    serving.beat(system.find(data_dir))


@app.command(rich_help_panel="Run")
def migrate(data_dir: DataDir = None) -> None:
    """Bring the database up to date. Can be repeated at any time.

    ROLLCALL_DATABASE_URL must name the owner of the tables; the role that serves may not change them.
    """
    from cli import serving, system

    serving.migrate(system.find(data_dir))


@app.command(rich_help_panel="Run")
def demo(
    once: Annotated[bool, typer.Option("--once", help="End when it is done, rather than stay up.")] = False,
    port: Port = 8000,
    data_dir: Annotated[Path, typer.Option(help="Folder for everything it keeps; made if need be.")] = DATA_DIR,
) -> None:
    """Try it: run everything, load a drilling contractor, assign a course to its 2,000 parties.

    Can be repeated on the same folder, whose `rollcall up` afterwards has it all.
    """
    from cli.demo import demo as run_demo

    run_demo(port, data_dir, once)


app.add_typer(keys.app, name="keys", rich_help_panel="Run")
app.command(rich_help_panel="Look")(doctor.doctor)
app.add_typer(audit.app, name="audit", rich_help_panel="Look")
app.add_typer(events.app, name="events", rich_help_panel="Look")
app.add_typer(organizations.app, name="org", rich_help_panel="Use")
app.command(rich_help_panel="Use")(organizations.token)
app.command(rich_help_panel="Use")(assignments.assign)
app.add_typer(jobs.app, name="jobs", rich_help_panel="Use")
app.command(rich_help_panel="Use")(sweeping.sweep)


def run() -> None:
    """The entry point of the command, which never shows a traceback.

    What is imported stays to the end. To look through it for garbage, often while it comes and once more at the exit,
    takes a third of a short command's time.
    """
    gc.set_threshold(UNCOLLECTED)
    try:
        sys.exit(carry_out(sys.argv[1:] or ["--help"]))
    finally:
        gc.freeze()


def carry_out(arguments: list[str]) -> int:
    """Do what is asked. The exit code."""
    try:
        code: int | None = app(arguments, prog_name="rollcall", standalone_mode=False)
        return code or 0
    except typer.TyperException as error:
        context = getattr(error, "ctx", None)
        command = context.command_path if context else "rollcall"
        message = error.format_message()
        stop = "" if message.endswith((".", "?")) else "."
        sentence, code = f"{message}{stop} `{command} --help` explains.", error.exit_code
    except Exception as error:
        from cli.failures import explain

        sentence, code = explain(error)
    print(sentence, file=sys.stderr)
    return code


if __name__ == "__main__":
    run()
