"""`rollcall sweep`: the expiry sweep of licences in this process, for a cron job. It needs no broker and no worker."""

from typing import TYPE_CHECKING, Annotated

import typer

from cli.options import DataDir

if TYPE_CHECKING:
    from shared.database import Database
    from shared.settings import Settings


def sweep(
    org: Annotated[str | None, typer.Option(metavar="ORG", help="Only this organization. Default: all.")] = None,
    data_dir: DataDir = None,
) -> None:
    """Sweep licences now: publish which end soon and which have ended, and assign renewals. Returns when done.

    \b
    Example:
      rollcall sweep --org acme
    """
    from rich.console import Console
    from rich.progress import track

    from cli import system
    from cli.failures import Failed
    from shared import access
    from shared.clock import ClockDiffers, Timekeeper

    found, console = system.find(data_dir), Console(stderr=True, highlight=False)
    with found.database() as database:
        try:
            Timekeeper(database.time).check()
        except ClockDiffers as error:
            raise Failed(str(error)) from None
        with database.transaction(None) as db:
            known = list(access.list_organization_ids(db))
        if org and org not in known:
            raise Failed(
                f"There is no organization {org}; add it with `rollcall org add {org} --name NAME --time-zone ZONE`."
            )
        org_ids = [org] if org else known
        finished = [_sweep(database, each, found.settings) for each in track(org_ids, "Sweeping", console=console)]
    console.print(f"Swept {len(org_ids):,} organization{'' if len(org_ids) == 1 else 's'}.")
    if unfinished := finished.count(False):
        console.print(f"A worker is still sweeping {unfinished:,} of them and will finish them.")


def _sweep(database: "Database", org_id: str, settings: "Settings") -> bool:
    """Sweep one organization, unless it may not use training. Returns False if a worker holds the rest of its rows."""
    from shared import access, clock, licences
    from shared.events import Actor
    from shared.services import sweeps
    from shared.services.sweeps import Step

    with database.transaction(org_id) as db:
        if access.unavailability(access.get_organization(db), settings.features):
            return True
        licences.ask_sweep(db, Actor("system", "rollcall sweep"), clock.now())
    taken = Step.MORE
    while taken is Step.MORE:
        with database.transaction(org_id) as db:
            taken = sweeps.take_step(db, settings.features, settings.worker_concurrency, clock.now())
    return taken is not Step.WAITS
