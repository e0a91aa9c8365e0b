"""The lists of which views are saved: the check of what a view asks for, its address, and its filters in words.

A view holds texts. What each list takes is known here, from its declaration and its route, so a view is checked when it
is saved and again when it is opened: a later release may have another filter.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from types import ModuleType
from typing import Annotated, Any, NamedTuple

from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import TypeAdapter, ValidationError

from api.console import assignments, audit, courses, deliveries, jobs, licences, packs, parties, sessions, webhooks
from api.console.columns import COLUMNS, choose
from api.console.filter_words import value_in_words
from api.console.listing import NAME, Filter, ListPage, address_of
from api.http.dependencies import Allow
from shared.access import Caller
from shared.errors import Fault, InvalidInput, Problem
from shared.services.naming import Names
from shared.services.verbs import AnyVerb
from shared.texts import reader
from shared.views import SavedView

OVERVIEW = "/overview"


class Told(NamedTuple):
    """A filter in words. value: empty for one that is on or absent."""

    name: str
    label: str
    value: str


class ViewedList(NamedTuple):
    """A list of which views are saved. verb: reads it. parameters: the fields of its route's query, by their names."""

    page: ListPage
    verb: AnyVerb
    parameters: Mapping[str, Any]

    def check(self, filters: Mapping[str, str], columns: Sequence[str]) -> None:
        """Raise InvalidInput or RequestValidationError for what the list does not take, each fault with its place."""
        declared = {one.name for one in self.page.filters}
        if unknown := [name for name in filters if name not in declared]:
            takes = ", ".join(sorted(declared)) or "none"
            places = {f"/filter/{name}" if NAME.fullmatch(name) else "/filter": None for name in unknown}
            raise InvalidInput(*(Fault(place, f"The list has no such filter. It has {takes}.") for place in places))
        errors = []
        for name, value in filters.items():
            try:
                _reader_of(self.page.noun, name).validate_python(value)
            except ValidationError as error:
                errors += [{**one, "loc": ("body", "filter", name)} for one in error.errors()]
        if errors:
            raise RequestValidationError(errors)
        choose(self.page.columns, columns)

    def address(self, filters: Mapping[str, str], columns: Sequence[str] | None) -> str:
        """Return the address of the list with these filters and columns."""
        return address_of(self.page.address, {**filters, **({COLUMNS: ",".join(columns)} if columns else {})})

    def tell(self, filters: Mapping[str, str], names: Names) -> list[Told]:
        """Return filters in the reader's language, in the order of the list's form. names: see `views.names_in`."""
        found = [one for one in self.page.filters if one.name in filters]
        return [Told(one.name, reader().text(one.label), _value(one, filters[one.name], names)) for one in found]


def _value(one: Filter, value: str, names: Names) -> str:
    if one.kind == "flag":
        return ""
    for choice in one.choices:
        if choice.value == value:
            return reader().text(choice.name)
    return value_in_words(one.name, value, names, one.kind == "day")


def _viewed(module: ModuleType) -> ViewedList:
    page: ListPage = module.PAGE
    route: APIRoute = next(one for one in module.router.routes if one.path == page.address)
    (allowed,) = (one.dependency for one in route.dependencies if isinstance(one.dependency, Allow))
    assert allowed.verb is not None
    return ViewedList(page, allowed.verb, dict(_parameters(route.dependant)))


def _parameters(dependant: Dependant) -> Mapping[str, Any]:
    found = {one.alias: one.field_info for one in dependant.query_params}
    for one in dependant.dependencies:
        found |= _parameters(one)
    return found


_MODULES = (assignments, parties, courses, sessions, licences, jobs, deliveries, audit, packs, webhooks)
LISTS = {one.page.noun: one for one in map(_viewed, _MODULES)}
"""The lists, by the name in their address, in the order of the navigation."""


@cache
def _reader_of(list_name: str, parameter: str) -> TypeAdapter[Any]:
    """Return what reads a parameter of a list as its route does."""
    field = LISTS[list_name].parameters[parameter]
    form: Any = Annotated[field.annotation, field]
    return TypeAdapter(form)


def start_address(view: SavedView | None, caller: Caller) -> str:
    """Return the address of a start page: the overview, where there is no view or the caller may not open its list.

    Or where its list takes no such filter any more: a start page is never an error.
    """
    viewed = LISTS.get(view.list_name) if view else None
    if view is None or viewed is None or not viewed.verb.may(caller):
        return OVERVIEW
    try:
        viewed.check(view.filters, view.columns or ())
    except (Problem, RequestValidationError):
        return OVERVIEW
    return viewed.address(view.filters, view.columns)
