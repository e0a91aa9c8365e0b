"""The conventions that all JSON bodies share: camelCase names, no unknown input fields, text that PostgreSQL can store.

`Received` is the base class of request bodies, `Answer` of responses. The nouns' `schemas.py` build on them.
"""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Annotated, Any, ClassVar, Generic, TypeVar

import orjson
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    PlainSerializer,
    PlainValidator,
    StringConstraints,
    ValidationError,
    WithJsonSchema,
)
from pydantic.alias_generators import to_camel
from pydantic_core import ErrorDetails, InitErrorDetails, PydanticCustomError, core_schema

from shared.database import ID_PATTERN, is_external_id
from shared.strictness import stricter

Item = TypeVar("Item")

_LANGUAGE = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*")


class Received(BaseModel):
    """A request body or a part of one, with strict values.

    Unknown fields are refused: a misspelt `dueOn` must not be ignored silently.
    added: the fields with defaults that were added to a body that submits jobs, so that a request that the former
    release has accepted is still known by its `Idempotency-Key`.
    """

    added: ClassVar[frozenset[str]] = frozenset()

    model_config = ConfigDict(
        alias_generator=to_camel, validate_by_name=True, extra="forbid", hide_input_in_errors=True
    )

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: type[BaseModel], handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        """Return Pydantic's schema of the model, made strict."""
        strict: core_schema.CoreSchema = stricter(handler(source))
        return strict


class Answer(BaseModel):
    """A response body or a part of one, read from rows by attribute."""

    model_config = ConfigDict(
        alias_generator=to_camel, validate_by_name=True, from_attributes=True, serialize_by_alias=True
    )


def storable(value: str) -> str:
    """Refuse NUL, which PostgreSQL cannot store, and lone surrogates, which are not text."""
    if "\0" in value:
        raise ValueError("must not contain the NUL character")
    if value.isascii():
        return value
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueError("must be valid Unicode") from None
    return value


def composed(value: str) -> str:
    """Returns the text in Unicode NFC: the same letters typed on two systems must be equal."""
    return value if value.isascii() else unicodedata.normalize("NFC", value)


def may_be_new_id(value: str) -> bool:
    """True if the string has the form of an id, and is no name of a folder: addresses and files are named by ids."""
    return is_external_id(value) and value not in (".", "..")


def _no_path(value: str) -> str:
    if not may_be_new_id(value):
        raise ValueError("must not be . or .., which stand for folders in addresses and file names")
    return value


def _canonical_language(value: str) -> str:
    """Returns a language tag in the letter case that RFC 5646 recommends: `pt-BR`, `zh-Hant`.

    langcodes would also know which tags are registered, at the price of its data; a tag is only kept and given out.
    """
    if not _LANGUAGE.fullmatch(value):
        raise ValueError("must be a BCP 47 language tag, such as de or pt-BR")
    first, *rest = value.split("-")
    cased = {2: str.upper, 4: str.title}
    return "-".join([first.lower(), *(cased.get(len(part), str.lower)(part) for part in rest)])


def _aware(value: datetime) -> datetime:
    if value.tzinfo is None:
        raise ValueError("must have a time zone, such as Z")
    if not 1900 <= value.year <= 9000:  # near the ends of the calendar the day in another zone cannot be computed
        raise ValueError("must lie between the years 1900 and 9000")
    return value.astimezone(UTC)


Id = Annotated[str, StringConstraints(pattern=ID_PATTERN)]
"""An id from another system: 1 to 64 of `A-Z a-z 0-9 . _ : -`."""

NewId = Annotated[Id, AfterValidator(_no_path)]
"""An id that a request may bring into being. `.` and `..` are refused; what was made before stays readable."""

Language = Annotated[str, StringConstraints(max_length=35), AfterValidator(_canonical_language)]
"""A BCP 47 language tag, in the letter case of RFC 5646."""

Line = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=200),
    AfterValidator(storable),
    AfterValidator(composed),
]
"""A title, label or name: 1 to 200 characters, not blank, in Unicode NFC."""

Paragraph = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500), AfterValidator(storable)
]
"""A reason or a note: 1 to 500 characters, not blank."""

LongText = Annotated[str, StringConstraints(max_length=10_000), AfterValidator(storable)]
"""A description or a summary: up to 10,000 characters."""

ReceivedInstant = Annotated[datetime, AfterValidator(_aware)]
"""An RFC 3339 instant with an offset, converted to UTC."""

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


class About(ValueError):
    """A fault of a whole request that its sender finds at one of its fields. name: of the field in JSON."""

    def __init__(self, said: str, name: str) -> None:
        super().__init__(said)
        self.name = name


class _AtInstant(Received):
    at: ReceivedInstant


def _moment(value: object) -> datetime | date:
    """Validate by hand, because a union would name both of its types in the place of an error."""
    if not isinstance(value, str) or not _DAY.fullmatch(value):
        try:
            return _AtInstant.model_validate({"at": value}).at
        except ValidationError as error:
            said = error.errors()[0]["msg"].removeprefix("Value error, ")
            raise ValueError(f"{said}, or a day, such as 2026-11-26") from None
    day = date.fromisoformat(value)
    if not 1900 <= day.year <= 9000:
        raise ValueError("must lie between the years 1900 and 9000")
    return day


ReceivedMoment = Annotated[
    datetime | date,
    PlainValidator(_moment),
    PlainSerializer(lambda moment: moment.isoformat(), return_type=str, when_used="json"),
    WithJsonSchema({"anyOf": [{"type": "string", "format": "date-time"}, {"type": "string", "format": "date"}]}),
]
"""An instant, or a day: its end in the organization's zone."""

Instant = Annotated[
    datetime, PlainSerializer(lambda at: at.astimezone(UTC).isoformat().replace("+00:00", "Z"), return_type=str)
]
"""An instant in a response: RFC 3339, UTC, ending in Z."""


Fields = dict[str, Any]
"""The fields of an answer by their names in JSON, with values that `to_json` writes as its model does."""


def to_json(answer: Any) -> bytes:
    """Return an answer as JSON. It may have models in it, and ids, days and instants (in UTC) as they are in rows.

    Written by orjson: as models, which look at each value of a row twice, a page takes ten times as long.
    """
    return orjson.dumps(answer, default=_fields, option=orjson.OPT_UTC_Z)


def _fields(answer: Any) -> Fields:
    if not isinstance(answer, BaseModel):
        raise TypeError(f"{type(answer).__name__} has no form in JSON")
    return answer.model_dump(by_alias=True)


class Listing(Answer, Generic[Item]):
    """One page of a list. next_cursor: send it to get the next page; null on the last page."""

    items: list[Item]
    next_cursor: str | None


@dataclass(frozen=True)
class PartyIds:
    """A list of parties in a request, as their ids: `Annotated[list[str], PartyIds(Recipient, 50_000)]`.

    one: the model of an entry, `entityType` and `entityId`, for the description and the errors. A list of 50,000 takes
    some milliseconds, because a list without faults is checked as a whole; a model for each entry takes ten times as
    long, and holds up every other request of the process.
    """

    one: type[BaseModel]
    most: int

    def __get_pydantic_core_schema__(self, _: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        """Return the schema of a list of entries, with a shortcut for lists without faults."""
        each: Any = Annotated[list[self.one], Field(max_length=self.most)]  # type: ignore[name-defined]
        return core_schema.no_info_wrap_validator_function(
            self._ids_of,
            handler.generate_schema(each),
            serialization=core_schema.plain_serializer_function_ser_schema(
                lambda ids: [{"entity_type": "party", "entity_id": one} for one in ids]
            ),
        )

    def _ids_of(self, value: Any, validate: Callable[[Any], list[Any]]) -> list[str]:
        ids = _plain_ids(value) if isinstance(value, list) and len(value) <= self.most else None
        return [entry.entity_id for entry in in_slices(value, validate)] if ids is None else ids


MOST_FAULTS = 100
"""Faults of a list after which no more are looked for."""

MOST_ITEMS = 50_000
"""Upper bound of recipients and of other long lists in a request."""

_SLICE = 1000


def in_slices(value: Any, validate: Callable[[Any], list[Any]]) -> list[Any]:
    """Validate a long list slice by slice, until `MOST_FAULTS` faults are found. Raises ValidationError.

    A list of 50,000 faults would otherwise hold up every other request of the process while each gets its error.
    """
    if not isinstance(value, list) or not _SLICE < len(value) <= MOST_ITEMS:
        return validate(value)
    found: list[Any] = []
    faults: list[InitErrorDetails] = []
    for start in range(0, len(value), _SLICE):
        try:
            found += validate(value[start : start + _SLICE])
        except ValidationError as error:
            faults += [_shifted(fault, start) for fault in error.errors(include_url=False)]
        if len(faults) >= MOST_FAULTS:
            break
    if faults:
        raise ValidationError.from_exception_data("list", faults, hide_input=True)
    return found


def _shifted(fault: ErrorDetails, start: int) -> InitErrorDetails:
    """Return a fault of a slice as one of the list. start: the place of the slice."""
    index, *rest = fault["loc"]
    kind: Any = PydanticCustomError("value_error", fault["msg"]) if fault["type"] == "value_error" else fault["type"]
    loc = (int(index) + start, *rest)
    return InitErrorDetails(type=kind, loc=loc, input=fault["input"], ctx=fault.get("ctx", {}))


_ODD = re.compile(r"[^A-Za-z0-9._:\n-]")


def _plain_ids(entries: list[Any]) -> list[str] | None:
    """Return the ids of a list of entries without any fault; None if each must be looked at by itself."""
    try:
        ids = [entry["entityId"] for entry in entries if entry["entityType"] == "party" and len(entry) == 2]
        joined = "\n".join(ids)
    except (TypeError, KeyError):
        return None
    if len(ids) < len(entries) or _ODD.search(joined) or joined.count("\n") != max(0, len(ids) - 1):
        return None
    lengths = set(map(len, ids))
    if lengths and not (min(lengths) >= 1 and max(lengths) <= 64):
        return None
    return None if {".", ".."} & set(ids) else ids
