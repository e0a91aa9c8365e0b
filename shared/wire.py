"""The conventions that all JSON bodies share: camelCase names, no unknown input fields, text that PostgreSQL can store.

`Received` is the base class of request bodies, `Answer` of responses. The nouns' `schemas.py` build on them.
"""

import re
import unicodedata
from datetime import UTC, datetime
from typing import Annotated, Generic, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, PlainSerializer, StringConstraints
from pydantic.alias_generators import to_camel

from shared.database import ID_PATTERN

Item = TypeVar("Item")

_LANGUAGE = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*")


class Received(BaseModel):
    """A request body or a part of one. Unknown fields are refused: a misspelt `dueOn` must not be ignored silently."""

    model_config = ConfigDict(
        alias_generator=to_camel, validate_by_name=True, extra="forbid", hide_input_in_errors=True
    )


class Answer(BaseModel):
    """A response body or a part of one, read from rows by attribute."""

    model_config = ConfigDict(
        alias_generator=to_camel, validate_by_name=True, from_attributes=True, serialize_by_alias=True
    )


def _storable(value: str) -> str:
    """Refuse NUL, which PostgreSQL cannot store, and lone surrogates, which are not text."""
    if "\0" in value:
        raise ValueError("must not contain the NUL character")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueError("must be valid Unicode") from None
    return value


def _composed(value: str) -> str:
    """Returns the text in Unicode NFC: the same letters typed on two systems must be equal."""
    return unicodedata.normalize("NFC", value)


def _no_path(value: str) -> str:
    if value in (".", ".."):
        raise ValueError("must not be . or .., which stand for folders in addresses and file names")
    return value


def _canonical_language(value: str) -> str:
    """Returns a language tag in the letter case that RFC 5646 recommends: `pt-BR`, `zh-Hant`."""
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
    AfterValidator(_storable),
    AfterValidator(_composed),
]
"""A title, label or name: 1 to 200 characters, not blank, in Unicode NFC."""

Paragraph = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500), AfterValidator(_storable)
]
"""A reason or a note: 1 to 500 characters, not blank."""

LongText = Annotated[str, StringConstraints(max_length=10_000), AfterValidator(_storable)]
"""A description or a summary: up to 10,000 characters."""

ReceivedInstant = Annotated[datetime, AfterValidator(_aware)]
"""An RFC 3339 instant with an offset, converted to UTC."""

Instant = Annotated[
    datetime, PlainSerializer(lambda at: at.astimezone(UTC).isoformat().replace("+00:00", "Z"), return_type=str)
]
"""An instant in a response: RFC 3339, UTC, ending in Z."""


class Listing(Answer, Generic[Item]):
    """One page of a list. next_cursor: send it to get the next page; null on the last page."""

    items: list[Item]
    next_cursor: str | None
