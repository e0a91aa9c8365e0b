"""Options that several commands share, and the parsing of their values. Nothing here is slow to import."""

import re
from pathlib import Path
from typing import Annotated

import typer

_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}


def external_id(value: str) -> str:
    """Check an id from another system. Raises BadParameter."""
    from shared.database import is_external_id

    if not is_external_id(value):
        raise typer.BadParameter("an id is 1 to 64 characters of A-Z a-z 0-9 . _ : -")
    return value


def seconds(length: str) -> int:
    """Parse a length of time such as 3600, 15m, 1h or 30d. Raises BadParameter."""
    found = re.fullmatch(r"([1-9][0-9]{0,8})([smhd]?)", length)
    if not found:
        raise typer.BadParameter("give a number of seconds, or a number with m, h or d, for example 30d")
    return int(found[1]) * _SECONDS[found[2]]


Org = Annotated[str, typer.Option("--org", parser=external_id, metavar="ORG", help="The organization's id.")]
MaybeOrg = Annotated[
    str | None,
    typer.Option("--org", parser=external_id, metavar="ORG", help="The organization's id; not needed with --token."),
]
Token = Annotated[
    str | None,
    typer.Option("--token", metavar="JWT", help="The token to call the API with. Default: one that the command signs."),
]
Api = Annotated[
    str | None,
    typer.Option("--api", metavar="URL", help="The API's address. Default: that of `rollcall up` or the settings."),
]
DataDir = Annotated[
    Path | None,
    typer.Option(
        metavar="FOLDER",
        help="The data folder of a `rollcall up`. Default: what ROLLCALL_DATABASE_URL names, else .rollcall.",
    ),
]
