"""`rollcall events`: show events as they are recorded, and refill the Redis Stream after it lost its data.

These commands read the database and not the API: they can show every organization, and need only the database to run.
"""

import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.options import DataDir, external_id

if TYPE_CHECKING:
    from cli.system import System
    from shared.database import Database
    from shared.events import Stream

app = typer.Typer(help="Show events as they are recorded, and refill the Redis Stream.")

POLL_SECONDS = 0.5
PAGE = 500
COLOURS = {"assignment": "cyan", "licence": "green", "session": "magenta", "job": "yellow", "party": "blue"}

MaybeOne = Annotated[
    str | None,
    typer.Option("--org", parser=external_id, metavar="ORG", help="Only this organization. Default: all."),
]
Show = Callable[[dict[str, Any]], None]


@app.command()
def tail(
    org: MaybeOne = None,
    after: Annotated[
        int | None,
        typer.Option(
            min=0, metavar="SEQUENCE", help="All events after this sequence number, instead of the last ones."
        ),
    ] = None,
    lines: Annotated[int, typer.Option("--lines", "-n", min=0, max=PAGE, help="How many of the last events.")] = 20,
    types: Annotated[
        str | None, typer.Option(metavar="TYPE,...", help="Only these event types, for example licence.granted.")
    ] = None,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Keep running and show new events until Ctrl-C.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print CloudEvents, one JSON object a line.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Show the last events of one organization or of all; with --follow, new ones too.

    \b
    Example:
      rollcall events tail --org acme --types assignment.completed,licence.granted --follow
    """
    from cli import system
    from cli.progress import INTERRUPTED

    wanted, show = _known(types), _print_json if as_json else _line_printer(with_org=org is None)
    try:
        with system.find(data_dir).database() as database:
            seen = _show_last(database, org, wanted, after, lines, show)
            while (found := _show_new(database, org, wanted, seen, show)) or follow:
                if not found:
                    time.sleep(POLL_SECONDS)
    except BrokenPipeError:  # the reader, such as `head`, has ended: the flush at exit must not fail either
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except KeyboardInterrupt:
        raise typer.Exit(INTERRUPTED) from None


@app.command()
def refill(
    start: Annotated[int, typer.Option("--from", min=1, metavar="SEQUENCE", help="The first event to restore.")],
    org: MaybeOne = None,
    data_dir: DataDir = None,
) -> None:
    """Restore the events that are missing in the Redis Stream, after Redis lost its data.

    They are appended to the stream in their order and with their old ids, so a consumer that remembers ids handles none
    twice. Events that were not in the stream before are left to the worker. Don't run two refills at the same time.

    \b
    Example:
      rollcall events refill --from 4812 --org acme
    """
    from redis.exceptions import RedisError

    from cli import system
    from cli.failures import Failed

    found = system.find(data_dir)
    if found.stopped:
        raise Failed(f"The system in {found.data_dir} is stopped, and so is its Redis; start it with `rollcall up`.")
    try:
        count, orgs = _refill(found, start, org)
    except RedisError as error:
        raise Failed(
            f"Redis refused the events ({type(error).__name__}). Those restored so far stay; run the command again."
        ) from None
    typer.echo(
        f"Restored {count:,} events of {orgs:,} organizations." if count else "No event is missing in the stream."
    )


def _refill(found: "System", start: int, org: str | None) -> tuple[int, int]:
    """Restore the missing events. Returns how many, and of how many organizations."""
    from rich.console import Console

    from cli.bars import bar
    from cli.failures import Failed
    from shared import events

    stream = events.Stream(found.settings.need_redis_url(), found.settings.stream_length)
    with found.database() as database:
        missing = _missing(database, stream, _organizations(database, org), start)
        total, room = sum(count for count, _ in missing.values()), max(stream.length - len(stream), 0)
        if total > room:
            raise Failed(
                f"{total:,} events are missing from {start:,} on, but the stream has room for {room:,}. Use a later "
                "--from, raise ROLLCALL_STREAM_LENGTH, or read the events from the API (`GET /v1/events`)."
            )
        with bar(Console(stderr=True), total, "events", transient=True) as update:
            for org_id, (_, present) in missing.items():
                _restore(database, stream, org_id, start, present, lambda count: update(advance=count))
    stream.close()
    return total, len(missing)


def _missing(
    database: "Database", stream: "Stream", org_ids: Sequence[str], start: int
) -> dict[str, tuple[int, set[int]]]:
    """Returns, for each organization with events missing in the stream, their number and the sequences present."""
    from shared import events

    found = {}
    present = stream.sequences(org_ids)
    for org_id in org_ids:
        with database.transaction(org_id) as db:
            relayed = range(start, events.position(db, events.STREAM_RELAY) + 1)
        count = len(relayed) - sum(sequence in relayed for sequence in present[org_id])
        if count:
            found[org_id] = count, present[org_id]
    return found


def _restore(
    database: "Database",
    stream: "Stream",
    org_id: str,
    start: int,
    present: set[int],
    advance: Callable[[int], None],
) -> None:
    from shared import events

    after = start - 1
    while True:
        with database.transaction(org_id) as db:
            batch = events.missing(db, after, present)
        if batch.up_to == after:
            return
        stream.append_again(org_id, batch.events)
        after = batch.up_to
        advance(len(batch.events))


def _organizations(database: "Database", org: str | None) -> list[str]:
    """Returns the given organization, which must exist, or all that have events. Raises OrganizationUnknown."""
    from shared import access, events

    if org is not None:
        with database.transaction(org) as db:
            access.get_organization(db)
        return [org]
    with database.transaction(None) as db:
        return sorted(events.organizations_with_unread_events(db, "nobody"))


def _known(types: str | None) -> list[str]:
    """Parse a list of event types. Raises BadParameter for an unknown one."""
    import difflib

    from shared.events import TYPES

    wanted = [name.strip() for name in types.split(",")] if types is not None else []
    for name in wanted:
        if name not in TYPES:
            near = difflib.get_close_matches(name, TYPES, n=1)
            hint = f"; did you mean {near[0]}?" if near else "; docs/events.md lists all types"
            raise typer.BadParameter(f"there is no event type {name}{hint}")
    return wanted


def _show_last(
    database: "Database", org: str | None, types: Sequence[str], after: int | None, lines: int, show: Show
) -> dict[str, int]:
    """Show the last events, unless `after` is given. Returns the last sequence number shown of each organization."""
    from shared import events

    org_ids = _organizations(database, org)
    if after is not None:
        return dict.fromkeys(org_ids, after)
    seen, last = {}, []
    for org_id in org_ids:
        with database.transaction(org_id) as db:
            seen[org_id] = events.head(db)
            rows = events.list_events(db, events.Filters(types=types), newest_first=True)
            rows = rows.where(events.Event.sequence <= seen[org_id]).limit(lines)
            last += [events.cloud_event(event) for event in db.scalars(rows)]
    last.sort(key=lambda event: (datetime.fromisoformat(event["time"]), event["org"], int(event["sequence"])))
    for event in last[max(len(last) - lines, 0) :]:
        show(event)
    return seen


def _show_new(database: "Database", org: str | None, types: Sequence[str], seen: dict[str, int], show: Show) -> bool:
    """Show a page of newer events of each organization. Returns whether there were any; updates `seen`."""
    from shared import events

    before = dict(seen)
    for org_id in _organizations(database, org):
        with database.transaction(org_id) as db:
            feed = events.feed_after(db, seen.get(org_id, 0), types=types, limit=PAGE)
            found = [events.cloud_event(event) for event in feed.events]
        for event in found:
            show(event)
        seen[org_id] = feed.read_up_to
    return seen != before


def _print_json(event: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(event, ensure_ascii=False, separators=(",", ":")) + "\n")
    sys.stdout.flush()


def _line_printer(*, with_org: bool) -> Show:
    """Returns a function that prints one line for an event. with_org: include the organization's id."""
    from rich.console import Console
    from rich.text import Text

    class Piped(Console):
        def on_broken_pipe(self) -> None:
            raise BrokenPipeError

    console = Piped(highlight=False, soft_wrap=True)

    def show(event: dict[str, Any]) -> None:
        noun, data = event["type"].partition(".")[0], dict(event["data"])
        actor = data.pop("actor")
        line = Text.assemble(
            (event["time"][:19].replace("T", " "), "dim"),
            f"  {event['org']}" if with_org else "",
            (f"  {event['sequence']:>6}", "dim"),
            (f"  {event['type']:<24}", COLOURS.get(noun, "white")),
            f"  {event['subject']}",
            (f"  by {actor['type']} {actor['id']}", "dim"),
            *(part for name, value in data.items() for part in ((f"  {name} ", "dim"), _printable(value))),
        )
        console.print(line, soft_wrap=True)

    return show


def _printable(value: Any) -> str:
    """A value as text without control characters, so that what a user wrote cannot send commands to the terminal."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)
