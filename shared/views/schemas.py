"""The requests about saved views. They come from the console's forms, which check filters and columns of the list."""

from pydantic import Field

from shared.database import ID_PATTERN
from shared.wire import Line, Received


class ViewChange(Received):
    """The name of a view."""

    name: Line


class ViewRequest(ViewChange):
    """A view to save. list_name: as in the list's address. columns: their names; null for the usual ones.

    replace: take the place of the view that has this name already.
    """

    list_name: str = Field(pattern=ID_PATTERN)
    filters: dict[str, str]
    columns: list[str] | None = None
    shared: bool = False
    replace: bool = False
