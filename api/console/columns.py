"""The columns of a list's table, of which a reader chooses some in the address: `columns=course,state`.

The first one is the heading of its row and always there. A file of the list has every field instead, as the API's has.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from shared.errors import Fault, InvalidInput

COLUMNS = "columns"
"""The parameter of the address. A form sends it once for each box that is ticked."""


@dataclass(frozen=True)
class Column:
    """A column. name: in the address, and in the template of the list. label: a text of the catalogue.

    kind: the classes of its heading and its cells: `number`, and `later` or `wide` for one that a phone leaves out.
    zoned: True for instants, of whose headings the first names the zone. usual: False for a column that is there only
    if it is chosen.
    """

    name: str
    label: str
    kind: str = ""
    zoned: bool = False
    usual: bool = True


@dataclass(frozen=True)
class Chosen:
    """The columns that a page shows, in the list's order. usual: True if they are the usual ones."""

    columns: Sequence[Column]
    usual: bool

    @property
    def query(self) -> dict[str, str]:
        """The parameter of an address that shows these columns; none for the usual ones."""
        return {} if self.usual else {COLUMNS: ",".join(column.name for column in self.columns)}


def choose(offered: Sequence[Column], given: Sequence[str]) -> Chosen:
    """Return the columns that are asked for; the usual ones if none is. Raises InvalidInput for one that there is not.

    given: the values of the parameter, each with one name or several with commas between them.
    """
    wanted = {name for value in given for name in value.split(",") if name}
    if wanted - {column.name for column in offered}:
        names = ", ".join(column.name for column in offered)
        raise InvalidInput(Fault(f"?{COLUMNS}", f"There is no such column. This list has {names}."))
    usual = {column.name for n, column in enumerate(offered) if n == 0 or column.usual}
    shown = {offered[0].name, *wanted} if wanted else usual
    return Chosen([column for column in offered if column.name in shown], shown == usual)
