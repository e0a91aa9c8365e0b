"""`rollcall jobs`: list, watch, cancel and retry jobs, and read their results, through the public API."""

import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.options import Api, DataDir, MaybeOrg, Token

if TYPE_CHECKING:
    from cli.client import ApiClient

app = typer.Typer(help="List, watch and cancel jobs, and retry their failed recipients.")

JobId = Annotated[uuid.UUID, typer.Argument(metavar="JOB", help="The job's id.")]
Limit = Annotated[int, typer.Option(min=1, max=500, help="Show at most this many.")]


@app.command("list")
def list_jobs(
    state: Annotated[str | None, typer.Option(metavar="STATE", help="Only jobs in this state.")] = None,
    limit: Limit = 20,
    org: MaybeOrg = None,
    token: Token = None,
    api: Api = None,
    data_dir: DataDir = None,
) -> None:
    """List jobs, newest first.

    \b
    Example:
      rollcall jobs list --org acme --state running
    """
    from cli.client import Target, connect

    with connect(Target(org, token, api, data_dir)) as client:
        found = client.get("/v1/jobs", state=state, limit=limit)["items"]
    if not found:
        typer.echo("No jobs found.")
        return
    typer.echo(f"{'job':36}  {'state':19}  {'total':>7}  {'failed':>7}  {'submitted':16}  kind")
    for job in found:
        counts, submitted = job["counts"], job["submittedAt"][:16].replace("T", " ")
        sums = f"{counts['total']:7,}  {counts['failed']:7,}"
        typer.echo(f"{job['id']}  {job['state']:19}  {sums}  {submitted}  {job['kind']}")


@app.command()
def watch(job: JobId, org: MaybeOrg = None, token: Token = None, api: Api = None, data_dir: DataDir = None) -> None:
    """Watch a job until it ends. Ctrl-C stops watching, not the job. Exit code 1 if a recipient failed.

    \b
    Example:
      rollcall jobs watch 019aa7c2-7d1e-7c5b-9b54-3f3d3c1f9e11 --org acme
    """
    raise typer.Exit(_follow(lambda client: client.get(f"/v1/jobs/{job}"), org, token, api, data_dir))


@app.command()
def show(job: JobId, org: MaybeOrg = None, token: Token = None, api: Api = None, data_dir: DataDir = None) -> None:
    """Print a job as JSON, as the API returns it."""
    from rich import print_json

    from cli.client import Target, connect

    with connect(Target(org, token, api, data_dir)) as client:
        print_json(data=client.get(f"/v1/jobs/{job}"))


@app.command()
def results(
    job: JobId,
    outcome: Annotated[
        str | None, typer.Option(metavar="OUTCOME", help="Only this outcome, such as failed. Default: all.")
    ] = None,
    org: MaybeOrg = None,
    token: Token = None,
    api: Api = None,
    data_dir: DataDir = None,
) -> None:
    """Print the outcome of each recipient, as CSV.

    \b
    Example:
      rollcall jobs results 019aa7c2-7d1e-7c5b-9b54-3f3d3c1f9e11 --org acme --outcome failed > failed.csv
    """
    from cli.client import Target, connect

    with connect(Target(org, token, api, data_dir)) as client:
        for text in client.csv(f"/v1/jobs/{job}/results", outcome=outcome):
            typer.echo(text, nl=False)


@app.command()
def cancel(job: JobId, org: MaybeOrg = None, token: Token = None, api: Api = None, data_dir: DataDir = None) -> None:
    """Cancel the recipients of a job that are still waiting. What is done already stays done.

    Exit code 0 if the job was cancelled, 1 if it had ended otherwise.
    """
    options = (org, token, api, data_dir)
    raise typer.Exit(_follow(lambda client: client.post(f"/v1/jobs/{job}/cancel"), *options, wanted="cancelled"))


@app.command()
def retry(job: JobId, org: MaybeOrg = None, token: Token = None, api: Api = None, data_dir: DataDir = None) -> None:
    """Retry the failed recipients of a job, as a new job, and watch it.

    \b
    Example:
      rollcall jobs retry 019aa7c2-7d1e-7c5b-9b54-3f3d3c1f9e11 --org acme
    """
    raise typer.Exit(_follow(lambda client: client.post(f"/v1/jobs/{job}/retry"), org, token, api, data_dir))


def _follow(request: "Callable[[ApiClient], Any]", *options: Any, wanted: str = "succeeded") -> int:
    """Send a request that returns a job, and watch that job until it ends. Returns the exit code.

    options: those of a Target. wanted: the state that means success.
    """
    from cli.client import Target, connect
    from cli.progress import follow

    target = Target(*options)
    with connect(target) as client:
        return follow(client, request(client), target, wanted)
