"""The options that several commands share, and how their values are read. Nothing here is slow to import."""

import re
from pathlib import Path
from typing import Annotated

import typer

_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}


def external_id(value: str) -> str:
    """An id from another system. Raises BadParameter."""
    from shared.database import is_external_id

    if not is_external_id(value):
        raise typer.BadParameter("an id is 1 to 64 characters of A-Z a-z 0-9 . _ : -")
    return value


def seconds(length: str) -> int:
    """A length of time such as 3600, 15m, 1h or 30d. Raises BadParameter."""
    found = re.fullmatch(r"([1-9][0-9]{0,8})([smhd]?)", length)
    if not found:
        raise typer.BadParameter("a length of time is a number of seconds, or one with m, h or d, such as 30d")
    return int(found[1]) * _SECONDS[found[2]]


Org = Annotated[str, typer.Option("--org", parser=external_id, metavar="ORG", help="The organization.")]
MaybeOrg = Annotated[
    str | None,
    typer.Option("--org", parser=external_id, metavar="ORG", help="The organization, where no --token names it."),
]
Token = Annotated[
    str | None,
    typer.Option("--token", metavar="JWT", help="Whose token to call with. Without it the system signs one."),
]
Api = Annotated[
    str | None, typer.Option("--api", metavar="URL", help="Where the API is. Without it: where the system says it is.")
]
DataDir = Annotated[
    Path | None,
    typer.Option(
        metavar="FOLDER",
        help="An embedded system's folder. Without it: what ROLLCALL_DATABASE_URL names, else .rollcall.",
    ),
]
