"""The shapes all JSON bodies share: camelCase names, no unknown fields in, and text that PostgreSQL can hold.

`Received` is what callers send, `Answer` what they get. The nouns' `schemas.py` build on these.
"""

from datetime import UTC, datetime
from typing import Annotated, Generic, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, PlainSerializer, StringConstraints
from pydantic.alias_generators import to_camel

from shared.database import ID_PATTERN

Item = TypeVar("Item")


class Received(BaseModel):
    """Something a caller sends. Unknown fields are refused: a misspelt `dueOn` must not be dropped in silence."""

    model_config = ConfigDict(
        alias_generator=to_camel, validate_by_name=True, extra="forbid", hide_input_in_errors=True
    )


class Answer(BaseModel):
    """Something a caller is told, read from rows by attribute."""

    model_config = ConfigDict(
        alias_generator=to_camel, validate_by_name=True, from_attributes=True, serialize_by_alias=True
    )


def _storable(value: str) -> str:
    """PostgreSQL refuses NUL, and lone surrogates are not text."""
    if "\0" in value:
        raise ValueError("must not contain the NUL character")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueError("must be valid Unicode") from None
    return value


def _aware(value: datetime) -> datetime:
    if value.tzinfo is None:
        raise ValueError("must have a time zone, such as Z")
    if not 1900 <= value.year <= 9000:  # near the ends of the calendar another zone's day cannot be told
        raise ValueError("must lie between the years 1900 and 9000")
    return value.astimezone(UTC)


Id = Annotated[str, StringConstraints(pattern=ID_PATTERN)]
"""An id from another system: 1 to 64 of `A-Z a-z 0-9 . _ : -`."""

Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200), AfterValidator(_storable)]
"""A title, label or name: 1 to 200 characters, not blank."""

Paragraph = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500), AfterValidator(_storable)
]
"""A reason or a note: 1 to 500 characters, not blank."""

LongText = Annotated[str, StringConstraints(max_length=10_000), AfterValidator(_storable)]
"""A description or a summary: up to 10,000 characters."""

ReceivedInstant = Annotated[datetime, AfterValidator(_aware)]
"""An RFC 3339 instant with its zone, kept in UTC."""

Instant = Annotated[
    datetime, PlainSerializer(lambda at: at.astimezone(UTC).isoformat().replace("+00:00", "Z"), return_type=str)
]
"""An instant on the wire: RFC 3339, UTC, ending in Z."""


class Listing(Answer, Generic[Item]):
    """One page of a list. next_cursor: what to send for the page after it; null after the last."""

    items: list[Item]
    next_cursor: str | None
