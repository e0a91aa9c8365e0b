"""Events from the operator's side: look on as they come, and put back what the Redis Stream has lost.

These read the database and not the API, so that they show every organization, and work where only the database does.
"""

import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.options import DataDir, external_id

if TYPE_CHECKING:
    from cli.system import System
    from shared.database import Database
    from shared.events import Stream

app = typer.Typer(help="Look on as events come, and refill the Redis Stream.")

LOOK_SECONDS = 0.5
PAGE = 500
COLOURS = {"assignment": "cyan", "licence": "green", "session": "magenta", "job": "yellow", "party": "blue"}

MaybeOne = Annotated[
    str | None,
    typer.Option("--org", parser=external_id, metavar="ORG", help="Only this organization; without it: all of them."),
]
Show = Callable[[dict[str, Any]], None]


@app.command()
def tail(
    org: MaybeOne = None,
    after: Annotated[
        int | None, typer.Option(min=0, metavar="SEQUENCE", help="All events above this, not only the last ones.")
    ] = None,
    lines: Annotated[int, typer.Option("--lines", "-n", min=0, max=PAGE, help="How many of the last ones.")] = 20,
    types: Annotated[str | None, typer.Option(metavar="TYPE,...", help="Only these, such as licence.granted.")] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Stay, and show what comes. Ctrl-C ends it.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="CloudEvents, a line of JSON each.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Show the last events, of one organization or of all, and with --follow those that come.

    \b
    Example:
      rollcall events tail --org acme --types assignment.completed,licence.granted --follow
    """
    from cli import system
    from cli.progress import INTERRUPTED

    wanted, show = _known(types), _shown_to_programs if as_json else _shown_to_people(one=org is not None)
    try:
        with system.find(data_dir).database() as database:
            seen = _begin(database, org, wanted, after, lines, show)
            while (came := _go_on(database, org, wanted, seen, show)) or follow:
                if not came:
                    time.sleep(LOOK_SECONDS)
    except BrokenPipeError:  # whoever read has enough; nothing may be flushed at the exit either
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except KeyboardInterrupt:
        raise typer.Exit(INTERRUPTED) from None


@app.command()
def refill(
    start: Annotated[int, typer.Option("--from", min=1, metavar="SEQUENCE", help="The first event to put back.")],
    org: MaybeOne = None,
    data_dir: DataDir = None,
) -> None:
    """Put back into the Redis Stream what it lacks of the events from a sequence on: after Redis lost its data.

    They come after what the stream holds, in their order and with the ids they had, so a consumer that remembers ids
    works on none twice. What was not relayed yet is left to the relay. Do it once, not twice at the same time.

    \b
    Example:
      rollcall events refill --from 4812 --org acme
    """
    from redis.exceptions import RedisError

    from cli import system
    from cli.failures import Failed

    found = system.find(data_dir)
    if found.resting:
        raise Failed(f"The Rollcall in {found.data_dir} is not running, and its Redis keeps nothing while it rests.")
    try:
        count, orgs = _refill(found, start, org)
    except RedisError as error:
        raise Failed(
            f"Redis does not take them ({type(error).__name__}); what was put back stays. Repeat it."
        ) from None
    typer.echo(f"{count:,} events of {orgs:,} organizations were put back." if count else "The stream lacks none.")


def _refill(found: "System", start: int, org: str | None) -> tuple[int, int]:
    """Put back what is missing. Answers how many events, of how many organizations."""
    from cli.failures import Failed
    from shared import events

    stream = events.Stream(found.settings.need_redis_url(), found.settings.stream_length)
    with found.database() as database:
        lacking = _lacking(database, stream, _organizations(database, org), start)
        total, room = sum(count for count, _ in lacking.values()), max(stream.length - len(stream), 0)
        if total > room:
            raise Failed(
                f"The stream lacks {total:,} events from {start:,} on and has room for {room:,}; begin later, raise "
                "ROLLCALL_STREAM_LENGTH, or read them from the feed."
            )
        with _progress(total) as advance:
            for org_id, (_, present) in lacking.items():
                _put_back(database, stream, org_id, start, present, advance)
    stream.close()
    return total, len(lacking)


def _lacking(
    database: "Database", stream: "Stream", org_ids: Sequence[str], start: int
) -> dict[str, tuple[int, set[int]]]:
    """Of each organization of which the stream lacks something: how many events, and which it has."""
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


def _put_back(
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
    """The organization named, which must be there, or all that have events."""
    from shared import access, events

    if org is not None:
        with database.transaction(org) as db:
            access.organization(db)
        return [org]
    with database.transaction(None) as db:
        return sorted(events.organizations_with_unread_events(db, "nobody"))


def _known(types: str | None) -> list[str]:
    """The types asked for. Raises BadParameter for one that there is not."""
    import difflib

    from shared.events import TYPES

    wanted = [name.strip() for name in types.split(",")] if types is not None else []
    for name in wanted:
        if name not in TYPES:
            near = difflib.get_close_matches(name, TYPES, n=1)
            hint = f"; did you mean {near[0]}?" if near else "; docs/events.md lists them"
            raise typer.BadParameter(f"there is no event type {name}{hint}")
    return wanted


def _begin(
    database: "Database", org: str | None, types: Sequence[str], after: int | None, lines: int, show: Show
) -> dict[str, int]:
    """Show the last events, where no place to begin was named. Answers up to where each organization was shown."""
    from shared import events

    org_ids = _organizations(database, org)
    if after is not None:
        return dict.fromkeys(org_ids, after)
    seen, last = {}, []
    for org_id in org_ids:
        with database.transaction(org_id) as db:
            seen[org_id] = events.head(db)
            rows = events.listed(db, events.Filters(types=types), newest_first=True)
            rows = rows.where(events.Event.sequence <= seen[org_id]).limit(lines)
            last += [events.cloud_event(event) for event in db.scalars(rows)]
    last.sort(key=lambda event: (datetime.fromisoformat(event["time"]), event["org"], int(event["sequence"])))
    for event in last[max(len(last) - lines, 0) :]:
        show(event)
    return seen


def _go_on(database: "Database", org: str | None, types: Sequence[str], seen: dict[str, int], show: Show) -> bool:
    """Show a page of what came since, of each organization. Answers whether there was anything."""
    from shared import events

    before = dict(seen)
    for org_id in _organizations(database, org):
        with database.transaction(org_id) as db:
            feed = events.after(db, seen.get(org_id, 0), types=types, limit=PAGE)
            found = [events.cloud_event(event) for event in feed.events]
        for event in found:
            show(event)
        seen[org_id] = feed.read_up_to
    return seen != before


def _shown_to_programs(event: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(event, ensure_ascii=False, separators=(",", ":")) + "\n")
    sys.stdout.flush()


def _shown_to_people(*, one: bool) -> Show:
    """A line for each event. one: all of one organization, whose name would only repeat."""
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
            "" if one else f"  {event['org']}",
            (f"  {event['sequence']:>6}", "dim"),
            (f"  {event['type']:<24}", COLOURS.get(noun, "white")),
            f"  {event['subject']}",
            (f"  by {actor['type']} {actor['id']}", "dim"),
            *(part for name, value in data.items() for part in ((f"  {name} ", "dim"), _printable(value))),
        )
        console.print(line, soft_wrap=True)

    return show


def _printable(value: Any) -> str:
    """A value in a line of a terminal, which what somebody wrote must not command."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)


@contextmanager
def _progress(total: int) -> Iterator[Callable[[int], None]]:
    """A bar on a terminal; elsewhere nothing."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    columns = (BarColumn(), TextColumn("{task.completed:,.0f} of {task.total:,.0f} events"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=total)
        yield lambda count: progress.advance(task, count)
