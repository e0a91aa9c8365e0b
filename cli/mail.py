"""`rollcall mail`: the switch that says if the deployment plans and sends mails."""

import typer

from cli.options import DataDir

app = typer.Typer(no_args_is_help=True, help="Switch mail off or on, for the whole deployment.")


@app.command()
def off(data_dir: DataDir = None) -> None:
    """Plan and send no more mails. What is queued is not sent; GET /v1/deliveries lists it as suppressed.

    The next process that starts with ROLLCALL_SMTP_URL switches mail on again: remove that setting first.
    """
    changed = _switch(False, data_dir)
    typer.echo(
        ("Mail is off: no process plans or sends any." if changed else "Mail was off already.")
        + " A process that starts with ROLLCALL_SMTP_URL switches it on again."
    )


@app.command()
def on(data_dir: DataDir = None) -> None:
    """Plan mails again, from now on. Mails are sent by the processes that have ROLLCALL_SMTP_URL."""
    typer.echo("Mail is on." if _switch(True, data_dir) else "Mail was on already.")


def _switch(wanted: bool, data_dir: DataDir) -> bool:
    from cli.system import find
    from shared import clock, deployment

    with find(data_dir).database() as database, database.transaction(None) as db:
        return deployment.switch_mail(db, wanted, clock.now())
