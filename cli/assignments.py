"""`rollcall assign`: assign a course to parties, through the public API."""

import csv
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.options import Api, DataDir, MaybeOrg, Token, external_id

if TYPE_CHECKING:
    from rich.console import Console

    from cli.client import ApiClient, Target

HEADER = "entityId"
"""The name of the first column in the files that Rollcall itself exports."""

Course = Annotated[str, typer.Argument(metavar="COURSE", help="The course's code or id.")]
Reason = Annotated[str, typer.Option(metavar="TEXT", help="Why it is assigned; kept with the assignment.")]
PartyIds = Annotated[
    list[str] | None,
    typer.Option("--party", parser=external_id, metavar="ID", help="Assign to this party. Can be repeated."),
]
FolderIds = Annotated[
    list[str] | None,
    typer.Option(
        "--folder", parser=external_id, metavar="ID", help="Assign to the parties now in this folder. Can be repeated."
    ),
]
Source = Annotated[
    str | None,
    typer.Option("--from", metavar="FILE", help="Assign to the party ids in the first column of FILE; - for stdin."),
]
DueOn = Annotated[str | None, typer.Option(metavar="YYYY-MM-DD", help="The last day to complete it.")]
Notify = Annotated[bool, typer.Option(help="Send the parties a message about it.")]
SkipCompleted = Annotated[bool, typer.Option(help="Leave out parties that have completed this version.")]
Preview = Annotated[bool, typer.Option(help="Only show what would happen.")]
Key = Annotated[str | None, typer.Option(metavar="KEY", help="Idempotency key: the same key never makes a second job.")]


def assign(
    course: Course,
    reason: Reason,
    party: PartyIds = None,
    folder: FolderIds = None,
    source: Source = None,
    due_on: DueOn = None,
    notify: Notify = True,
    skip_completed: SkipCompleted = False,
    preview: Preview = False,
    key: Key = None,
    org: MaybeOrg = None,
    token: Token = None,
    api: Api = None,
    data_dir: DataDir = None,
) -> None:
    """Assign a course's active version to parties, and watch the job.

    \b
    Examples:
      rollcall assign H2S --org acme --folder drill-floor-crew --reason "New rig"
      rollcall assign H2S --org acme --from crew.csv --reason "Audit" --preview

    A header line and the other columns of FILE are ignored.
    """
    from cli.client import Target, connect

    target = Target(org, token, api, data_dir)
    recipients = _recipients([*(party or []), *(_ids(source) if source else [])], folder or [])
    with connect(target) as client:
        body = {
            **recipients,
            "courseId": find_course(client, course),
            "reason": reason,
            "dueOn": due_on,
            "notify": notify,
            "ifCompleted": "skip" if skip_completed else "assign",
        }
        raise typer.Exit(_preview(client, body) if preview else _submit(client, body, key, target))


def _recipients(party_ids: list[str], folder_ids: list[str]) -> dict[str, Any]:
    """The part of the request that names recipients. Raises BadParameter if it names none."""
    if not party_ids and not folder_ids:
        raise typer.BadParameter("name recipients with --party, --folder or --from")
    return {
        "recipients": [{"entityType": "party", "entityId": party_id} for party_id in party_ids],
        "folderIds": folder_ids,
    }


def _preview(client: "ApiClient", body: dict[str, Any]) -> int:
    from rich.console import Console

    print_preview(client.post("/v1/assignments/preview", body), Console(highlight=False))
    return 0


def _submit(client: "ApiClient", body: dict[str, Any], key: str | None, target: "Target") -> int:
    from cli.progress import follow

    job = client.post("/v1/assignments", body, {"Idempotency-Key": key} if key else None)
    return follow(client, job, target)


def find_course(client: "ApiClient", course: str) -> str:
    """Returns the id of a course, given its id or its code. Raises Failed."""
    from cli.failures import Failed

    try:
        return str(uuid.UUID(course))
    except ValueError:
        similar = client.get("/v1/courses", q=course, limit=500)["items"]
    found = [each["id"] for each in similar if each["code"].lower() == course.lower()]
    if not found:
        others = f" Similar codes: {', '.join(each['code'] for each in similar[:5])}." if similar else ""
        raise Failed(f"There is no course with the code {course}.{others}")
    return str(found[0])


def print_preview(preview: dict[str, Any], console: "Console") -> None:
    """Print what a submission would do, one line for each outcome."""
    from rich.table import Table

    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    for each in preview["outcomes"]:
        more = ", ..." if each["count"] > len(each["examples"][:3]) else ""
        examples = ", ".join(each["examples"][:3]) + more
        table.add_row(f"{each['count']:>9,}", f"{each['outcome']}: {each['code']}", examples)
    console.print(f"Assigning {preview['versionLabel']} to {preview['total']:,} would give:")
    console.print(table)


def _ids(source: str) -> Iterator[str]:
    """Yields the first cell of each line of a file, except blank lines and the header."""
    from cli.failures import Failed

    try:
        text = sys.stdin.read() if source == "-" else Path(source).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", "it is not UTF-8; save it as CSV in UTF-8")
        raise Failed(f"{source} cannot be read: {reason}.") from None
    for n, cells in enumerate(csv.reader(text.splitlines()), start=1):
        entity_id = cells[0].strip() if cells else ""
        if entity_id and not (n == 1 and entity_id == HEADER):
            yield entity_id
