"""`rollcall sweep`: the expiry sweep in this process, for a cron of one's own. No broker and no worker is needed."""

from typing import Annotated

import typer

from cli.options import DataDir


def sweep(
    org: Annotated[str | None, typer.Option(metavar="ORG", help="Only this organization; without it: all.")] = None,
    data_dir: DataDir = None,
) -> None:
    """Sweep licences now, and return when it is done: publish what ends soon and what has ended, assign renewals.

    \b
    Example:
      rollcall sweep --org acme
    """
    from rich.console import Console
    from rich.progress import track

    from cli import system
    from cli.failures import Failed
    from shared import access, clock, licences
    from shared.events import Actor
    from shared.services import sweeps
    from shared.services.sweeps import Step

    found, told, waiting = system.find(data_dir), Console(stderr=True, highlight=False), 0
    with found.database() as database:
        with database.transaction(None) as db:
            everybody = list(access.organization_ids(db))
        if org and org not in everybody:
            raise Failed(f"There is no organization {org}; `rollcall org add {org} --name NAME` adds it.")
        organizations = [org] if org else everybody
        for org_id in track(organizations, "Sweeping", console=told):
            with database.transaction(org_id) as db:
                organization = access.organization(db)
                if access.unavailability(organization, found.settings.features):
                    continue
                licences.ask_sweep(db, Actor("system", "rollcall sweep"), clock.now())
            taken = Step.MORE
            while taken is Step.MORE:
                with database.transaction(org_id) as db:
                    workers = found.settings.worker_concurrency
                    taken = sweeps.take_step(db, found.settings.features, workers, clock.now())
            waiting += taken is Step.WAITS
    told.print(f"Swept {len(organizations):,} organization{'' if len(organizations) == 1 else 's'}.")
    if waiting:
        told.print(f"{waiting:,} of them are being swept by somebody else at this moment, who will finish.")
