"""Jobs from a terminal, through the public API: what runs, how it comes along, what became of whom."""

import uuid
from typing import Annotated

import typer

from cli.options import Api, DataDir, MaybeOrg, Token

app = typer.Typer(help="Look at jobs, cancel them, and retry what failed.")

JobId = Annotated[uuid.UUID, typer.Argument(metavar="JOB", help="Its id.")]
Limit = Annotated[int, typer.Option(min=1, max=500, help="At most so many.")]


@app.command("list")
def list_jobs(
    state: Annotated[str | None, typer.Option(metavar="STATE", help="Only jobs in this state.")] = None,
    limit: Limit = 20,
    org: MaybeOrg = None,
    token: Token = None,
    api: Api = None,
    data_dir: DataDir = None,
) -> None:
    """List jobs, the newest first.

    \b
    Example:
      rollcall jobs list --org acme --state running
    """
    from cli.front_desk import Way, reach

    with reach(Way(org, token, api, data_dir)) as desk:
        found = desk.get("/v1/jobs", state=state, limit=limit)["items"]
    if not found:
        typer.echo("There are no such jobs.")
        return
    typer.echo(f"{'job':36}  {'state':19}  {'total':>7}  {'failed':>7}  {'submitted':16}  kind")
    for job in found:
        counts, submitted = job["counts"], job["submittedAt"][:16].replace("T", " ")
        sums = f"{counts['total']:7,}  {counts['failed']:7,}"
        typer.echo(f"{job['id']}  {job['state']:19}  {sums}  {submitted}  {job['kind']}")


@app.command()
def watch(job: JobId, org: MaybeOrg = None, token: Token = None, api: Api = None, data_dir: DataDir = None) -> None:
    """Watch a job until it ends. Ctrl-C leaves it running. Exit code 1 where somebody failed.

    \b
    Example:
      rollcall jobs watch 019aa7c2-7d1e-7c5b-9b54-3f3d3c1f9e11 --org acme
    """
    from cli.front_desk import Way, reach
    from cli.progress import follow

    way = Way(org, token, api, data_dir)
    with reach(way) as desk:
        raise typer.Exit(follow(desk, desk.get(f"/v1/jobs/{job}"), way))


@app.command()
def show(job: JobId, org: MaybeOrg = None, token: Token = None, api: Api = None, data_dir: DataDir = None) -> None:
    """Show a job as the API tells it, in JSON."""
    from rich import print_json

    from cli.front_desk import Way, reach

    with reach(Way(org, token, api, data_dir)) as desk:
        print_json(data=desk.get(f"/v1/jobs/{job}"))


@app.command()
def results(
    job: JobId,
    outcome: Annotated[str | None, typer.Option(metavar="OUTCOME", help="Such as failed; without it: all.")] = None,
    org: MaybeOrg = None,
    token: Token = None,
    api: Api = None,
    data_dir: DataDir = None,
) -> None:
    """Say what became of each recipient, as CSV.

    \b
    Example:
      rollcall jobs results 019aa7c2-7d1e-7c5b-9b54-3f3d3c1f9e11 --org acme --outcome failed > failed.csv
    """
    from cli.front_desk import Way, reach

    with reach(Way(org, token, api, data_dir)) as desk:
        for text in desk.csv(f"/v1/jobs/{job}/results", outcome=outcome):
            typer.echo(text, nl=False)


@app.command()
def cancel(job: JobId, org: MaybeOrg = None, token: Token = None, api: Api = None, data_dir: DataDir = None) -> None:
    """Cancel what nobody has begun. What is done stays done."""
    from cli.front_desk import Way, reach
    from cli.progress import follow

    way = Way(org, token, api, data_dir)
    with reach(way) as desk:
        follow(desk, desk.post(f"/v1/jobs/{job}/cancel"), way)


@app.command()
def retry(job: JobId, org: MaybeOrg = None, token: Token = None, api: Api = None, data_dir: DataDir = None) -> None:
    """Try the failed recipients of a job again, as a new job, and watch it.

    \b
    Example:
      rollcall jobs retry 019aa7c2-7d1e-7c5b-9b54-3f3d3c1f9e11 --org acme
    """
    from cli.front_desk import Way, reach
    from cli.progress import follow

    way = Way(org, token, api, data_dir)
    with reach(way) as desk:
        raise typer.Exit(follow(desk, desk.post(f"/v1/jobs/{job}/retry"), way))
