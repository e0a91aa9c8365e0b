"""Lists as pages: filters in the address under the names of the API's parameters, keyset pages, a count with a bound.

A page of a list sends two statements however many rows and filters there are: the rows, and their number. What the
filters offer, such as the courses, comes with the number.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from operator import attrgetter
from typing import Any, Literal, NamedTuple
from urllib.parse import urlencode

from fastapi import Request, Response
from pydantic import BaseModel
from sqlalchemy import ScalarSelect

from api.console.columns import COLUMNS, Chosen, Column, choose
from api.console.filter_words import value_in_words
from api.console.frame import Frame
from api.http.lists import Asked
from shared.errors import Fault, InvalidInput
from shared.pagination import DEFAULT_LIMIT, MOST_COUNTED, Rows, count
from shared.services import naming, views
from shared.services.naming import Names

PAGING = ("cursor", "limit")
NO_FILTERS = frozenset({*PAGING, COLUMNS})
"""The parameters of a list's address that do not say which rows there are."""

NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")
"""The form of what a parameter could be called."""


class Choice(NamedTuple):
    """A value that a filter offers, with its name."""

    value: str
    name: str


@dataclass(frozen=True)
class Filter:
    """A filter of a list. name: of the API's parameter. label: a text of the catalogue.

    kind: `choice` of some values; `order` by one of them, of which the first is meant if none is sent; a `day`; a
    `text`; a `flag` that is on or absent; `hidden`: only a link sets it, and the page shows it to be taken away.
    choices: the values of an enumeration, whose names are texts of the catalogue.
    offered: the number of the scalar subquery given to `list_page`, for choices that are rows, such as courses.
    """

    name: str
    label: str
    kind: Literal["choice", "order", "day", "text", "flag", "hidden"] = "text"
    choices: Sequence[Choice] = ()
    offered: int | None = None


def choices_of(values: type[StrEnum], names: dict[str, str]) -> tuple[Choice, ...]:
    """Return the values of an enumeration as choices. names: a text of the catalogue for each."""
    return tuple(Choice(value.value, names[value.value]) for value in values)


@dataclass(frozen=True)
class ListPage:
    """The declaration of a list's page.

    title: a text of the catalogue. template: extends `console/list.html`. columns: those of its table, which the
    template fills in their order; the first one is the heading of its row. filters: those that the page offers.
    model: says the columns of the files. record: takes an instance of it out of an item.
    id, called: take the id and the name out of an item, for the box with which it is chosen. settled: True for an item
    that could be reopened. named: the subjects in an item that the page names, see
    `shared.services.naming`.
    """

    title: str
    template: str
    address: str
    model: type[BaseModel]
    columns: Sequence[Column]
    filters: Sequence[Filter] = ()
    record: Callable[[Any], Any] = lambda item: item
    id: Callable[[Any], Any] = attrgetter("id")
    called: Callable[[Any], str] = attrgetter("id")
    settled: Callable[[Any], bool] = lambda _: False
    named: Callable[[Any], Iterable[str]] = lambda _: ()

    @property
    def noun(self) -> str:
        """The name of the list in its address, empty for one that belongs to a thing: that has no views."""
        return self.address.strip("/") if self.address.count("/") == 1 else ""


class View(NamedTuple):
    """A saved view of the list, as `views.select_views` returns it."""

    id: str
    name: str
    shared: bool
    filters: dict[str, str]
    columns: list[str] | None


@dataclass
class Shown:
    """A list as its template needs it. number: of all matching rows, at most one more than is counted.

    cursors: of the pages before and after. shown: the names of the columns that it has. zoned: the column whose heading
    names the zone.
    """

    page: ListPage
    items: list[Any]
    number: int
    values: dict[str, str]
    chosen: Chosen
    limit: int
    offered: list[list[Choice]]
    cursors: tuple[str | None, str | None]
    names: Names = field(default_factory=dict)
    views: list[View] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.shown = frozenset(column.name for column in self.chosen.columns)
        self.zoned = next((column for column in self.chosen.columns if column.zoned), None)

    @property
    def previous(self) -> str | None:
        """The address of the page before."""
        return self._turned(self.cursors[0])

    @property
    def next(self) -> str | None:
        """The address of the page after this one."""
        return self._turned(self.cursors[1])

    def _turned(self, cursor: str | None) -> str | None:
        if cursor is None:
            return None
        size = {} if self.limit == DEFAULT_LIMIT else {"limit": str(self.limit)}
        return address_of(self.page.address, {**self.values, **self.chosen.query, **size, "cursor": cursor})

    @property
    def files(self) -> dict[str, str]:
        """The addresses of all its rows as a file, by the ending."""
        return {kind: address_of(f"{self.page.address}.{kind}", self.values) for kind in ("csv", "xlsx")}

    @property
    def is_many(self) -> bool:
        """True if there are more rows than are counted."""
        return self.number > MOST_COUNTED

    @property
    def most(self) -> int:
        """The largest number that is counted."""
        return MOST_COUNTED

    @property
    def filtered(self) -> bool:
        """True if a filter is set."""
        return bool(self.active)

    @property
    def active(self) -> list[Filter]:
        """The filters that are set."""
        return [one for one in self.page.filters if one.kind != "order" and self.values.get(one.name)]

    def choices(self, one: Filter) -> Sequence[Choice]:
        """The values that a filter offers."""
        return one.choices if one.offered is None else self.offered[one.offered]

    def name_of(self, one: Filter) -> str:
        """The name of the value of a filter."""
        value = self.values[one.name]
        chosen = next((choice.name for choice in self.choices(one) if choice.value == value), None)
        return value_in_words(one.name, value, self.names, one.kind == "day") if chosen is None else chosen

    def without(self, name: str) -> str:
        """The address of the list without one of its filters."""
        kept = {key: value for key, value in self.values.items() if key != name}
        return address_of(self.page.address, kept | self.chosen.query)

    @property
    def view(self) -> View | None:
        """The view whose filters and columns these are."""
        names = None if self.chosen.usual else [column.name for column in self.chosen.columns]
        return next((one for one in self.views if (one.filters, one.columns) == (self.values, names)), None)

    @property
    def saving(self) -> str | None:
        """The address of the form that saves these filters and columns, None where there is nothing new to save."""
        query = {f"filter.{name}": value for name, value in self.values.items()} | self.chosen.query
        if not self.page.noun or not query or self.view is not None:
            return None
        return address_of("/views/new", {"listName": self.page.noun, **query})

    def opened(self, view: View) -> str:
        """The address of the list as a view shows it."""
        return address_of(self.page.address, view.filters | ({COLUMNS: ",".join(view.columns)} if view.columns else {}))

    @property
    def of_usual_columns(self) -> str:
        """The address of the same rows with the usual columns."""
        return address_of(self.page.address, self.values)

    @property
    def unfiltered(self) -> str:
        """The address of the list without filters."""
        return address_of(self.page.address, self.chosen.query)


def address_of(path: str, query: Mapping[str, str]) -> str:
    """Return an address with a query."""
    return f"{path}?{urlencode(query, safe=',')}" if query else path


def read_query(request: Request, asked: Asked, page: ListPage) -> Chosen:
    """Return the columns that the address of a list asks for. Raises InvalidInput for what the list does not take.

    A filter that is not understood must not be answered with everything: the API's lists refuse it too. What no
    parameter could be called is not repeated.
    """
    takes = sorted({*(one.name for one in page.filters), *PAGING, COLUMNS})
    if unknown := [name for name in request.query_params if name not in takes]:
        known = f"This address takes {', '.join(takes)}."
        named = {f"?{name}" if NAME.fullmatch(name) else "?": None for name in unknown[:100]}
        raise InvalidInput(*(Fault(name, f"There is no such parameter. {known}") for name in named))
    if asked.file.wanted and COLUMNS in request.query_params:
        raise InvalidInput(Fault(f"?{COLUMNS}", "A file has every field of the list, so it takes no columns."))
    return choose(page.columns, request.query_params.getlist(COLUMNS))


def list_page(
    frame: Frame,
    request: Request,
    asked: Asked,
    page: ListPage,
    rows: Rows,
    answer: Callable[[Any], Any],
    *offered: ScalarSelect[Any],
    **shown: Any,
) -> Response:
    """Return the page of a list, or its file. answer: converts a row to an item. offered: see `Filter.offered`.

    shown: further variables of the template.
    """
    chosen = read_query(request, asked, page)
    if asked.file.wanted:
        listing: Any = asked.page(
            rows, page.model, lambda row: page.record(answer(row))
        )  # a response: see `Asked.page`
        return listing  # type: ignore[no-any-return]
    found = asked.turned(rows)
    items = [answer(row) for row in found.items]
    values = _values(page, request.query_params)
    subjects = {one for item in items for one in page.named(item)}
    subjects |= {f"{views.NAMED[name]}/{value}" for name, value in values.items() if name in views.NAMED}
    number, names, saved, beside = _counted(asked, page, rows, subjects, offered)
    shown_list = Shown(
        page=page,
        items=items,
        number=number,
        values=values,
        chosen=chosen,
        limit=asked.limit,
        offered=[[Choice(str(value), name) for value, name in each or ()] for each in beside],
        cursors=(found.previous_cursor, found.next_cursor),
        names=names,
        views=saved,
    )
    return frame.page(page.template, list=shown_list, **shown)


def _values(page: ListPage, query: Mapping[str, str]) -> dict[str, str]:
    """Return the filters of an address, without an order that is meant anyway: a form always sends one."""
    usual = {one.name: one.choices[0].value for one in page.filters if one.kind == "order"}
    return {name: value for name, value in query.items() if name not in NO_FILTERS and value != usual.get(name)}


def _counted(
    asked: Asked, page: ListPage, rows: Rows, subjects: set[str], offered: tuple[ScalarSelect[Any], ...]
) -> tuple[int, Names, list[View], list[Any]]:
    """Return the number of rows, the names of the subjects, the views of the list, and what the filters offer.

    One statement reads all of them.
    """
    named = [naming.select_names(asked.db, asked.caller, subjects)] if subjects else []
    saved = [views.select_views(asked.db, asked.caller, page.noun)] if page.noun else []
    number, *beside = count(asked.db, rows, *offered, *saved, *named)
    names = dict(beside.pop() or ()) if named else {}
    known = beside.pop() or () if saved else ()
    return number, names, [View(*one) for one in known], beside
