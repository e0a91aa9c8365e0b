"""Assigning a course from a terminal, through the public API."""

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

    from cli.front_desk import FrontDesk

HEADER = "entityId"
"""What the first column is called, in the files that Rollcall itself exports."""

PartyIds = Annotated[
    list[str] | None,
    typer.Option("--party", parser=external_id, metavar="ID", help="Assign to this party. Can be repeated."),
]
FolderIds = Annotated[
    list[str] | None,
    typer.Option("--folder", parser=external_id, metavar="ID", help="Assign to who is in it now. Can be repeated."),
]


def assign(
    course: Annotated[str, typer.Argument(metavar="COURSE", help="Its code or its id.")],
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why, as the record will say for years.")],
    party: PartyIds = None,
    folder: FolderIds = None,
    source: Annotated[
        str | None,
        typer.Option("--from", metavar="FILE", help="Assign to the parties whose ids lead its lines; - for stdin."),
    ] = None,
    due_on: Annotated[str | None, typer.Option(metavar="YYYY-MM-DD", help="The last day to complete it.")] = None,
    notify: Annotated[bool, typer.Option(help="Tell the parties.")] = True,
    skip_completed: Annotated[bool, typer.Option(help="Leave out who has completed this version.")] = False,
    preview: Annotated[bool, typer.Option(help="Say what would happen, and do nothing.")] = False,
    key: Annotated[
        str | None, typer.Option(metavar="KEY", help="Idempotency key: with the same one it happens once.")
    ] = None,
    org: MaybeOrg = None,
    token: Token = None,
    api: Api = None,
    data_dir: DataDir = None,
) -> None:
    """Assign a course's active version to parties, and watch it happen.

    \b
    Examples:
      rollcall assign H2S --org acme --folder drill-floor-crew --reason "New rig"
      rollcall assign H2S --org acme --from crew.csv --reason "Audit" --preview

    The first column of FILE holds ids of parties; a header line and what else is in it are left alone.
    """
    from rich.console import Console

    from cli.front_desk import Way, reach
    from cli.progress import follow

    way = Way(org, token, api, data_dir)
    named = [*(party or []), *(_ids(source) if source else [])]
    if not named and not folder:
        raise typer.BadParameter("name recipients with --party, --folder or --from")
    with reach(way) as desk:
        body = {
            "courseId": find_course(desk, course),
            "recipients": [{"entityType": "party", "entityId": entity_id} for entity_id in named],
            "folderIds": folder or [],
            "reason": reason,
            "dueOn": due_on,
            "notify": notify,
            "ifCompleted": "skip" if skip_completed else "assign",
        }
        if preview:
            print_preview(desk.post("/v1/assignments/preview", body), Console(highlight=False))
        else:
            job = desk.post("/v1/assignments", body, {"Idempotency-Key": key} if key else None)
            raise typer.Exit(follow(desk, job, way))


def find_course(desk: "FrontDesk", course: str) -> str:
    """The id of a course that was named by its id or its code. Raises Failed."""
    from cli.failures import Failed

    try:
        return str(uuid.UUID(course))
    except ValueError:
        near = desk.get("/v1/courses", q=course, limit=500)["items"]
    found = [each["id"] for each in near if each["code"].lower() == course.lower()]
    if not found:
        others = f" Near it: {', '.join(each['code'] for each in near[:5])}." if near else ""
        raise Failed(f"There is no course with the code {course}.{others}")
    return str(found[0])


def print_preview(preview: dict[str, Any], console: "Console") -> None:
    """What a submission would do, a line for each outcome."""
    from rich.table import Table

    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    for each in preview["outcomes"]:
        more = ", ..." if each["count"] > len(each["examples"][:3]) else ""
        examples = ", ".join(each["examples"][:3]) + more
        table.add_row(f"{each['count']:>9,}", f"{each['outcome']}: {each['code']}", examples)
    console.print(f"Assigning {preview['versionLabel']} to {preview['total']:,} would give:")
    console.print(table)


def _ids(source: str) -> Iterator[str]:
    """The ids in a file: the first cell of each line, but for blank lines and a header."""
    from cli.failures import Failed

    try:
        text = sys.stdin.read() if source == "-" else Path(source).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise Failed(f"{source} cannot be read: {getattr(error, 'strerror', 'it is not UTF-8')}.") from None
    for n, cells in enumerate(csv.reader(text.splitlines()), start=1):
        entity_id = cells[0].strip() if cells else ""
        if entity_id and not (n == 1 and entity_id == HEADER):
            yield entity_id
