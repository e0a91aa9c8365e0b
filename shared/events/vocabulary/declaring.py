"""How an event type is declared: what it means, what its `data` hold, and one example."""

import copy
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel
from pydantic.json_schema import SkipJsonSchema

from shared.database import ID_PATTERN

ExternalId = Annotated[str, Field(pattern=ID_PATTERN)]
"""An id from another system."""

Reason = Annotated[str, Field(min_length=1)]
"""Why, in somebody's words: business text."""

Absent = SkipJsonSchema[None]
"""`x: UUID | Absent = None`: where there is none the field is left out, and never null."""

Former = dict[str, Any]
"""Fields by their names, with the values they had before."""

SUBJECT_ID = "019aa7c2-7d1e-7c5b-9b54-3f3d3c1f9e11"
COURSE, VERSION, JOB = (
    "019aa7c0-11aa-7b3c-8d4e-2f6a1b9c0d10",
    "019aa7c0-22bb-7c4d-9e5f-3a7b2c8d1e20",
    "019aa7c2-33cc-7d5e-8f60-4b8c3d7e2f30",
)
"""What examples are about."""

PARTY, MEMBER, SYSTEM = "crew-0042", ("member", "coordinator-7"), ("system", "rollcall")


class Actor(BaseModel):
    """Who did it: a member by id, a party through a session link, or the system on a schedule or at a command."""

    type: Literal["member", "party", "system"]
    id: ExternalId


class Data(BaseModel):
    """What every event says. Ids only: events leave the house and stay for years."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        validate_by_name=True,
        extra="forbid",
        defer_build=True,  # who only records events, or reads them, never needs these models
    )

    actor: Actor


class PartyData(Data):
    """What every event about a party says."""

    party_id: ExternalId


class Changed(BaseModel):
    """What changed: the names of the fields."""

    changed: Annotated[list[str], Field(min_length=1)]


@dataclass(frozen=True)
class EventType:
    """One published type of event. It is never renamed, and its data never lose a field: they may gain some.

    name: `<noun>.<what happened>`. The noun begins the subject, too. meaning: one sentence.
    data: the model of the data. example: such data, but for the actor and the party.
    """

    name: str
    meaning: str
    data: type[Data]
    example: dict[str, Any]
    actor: tuple[str, str] = MEMBER

    @property
    def schema(self) -> dict[str, Any]:
        """The JSON Schema of the data, with nothing but what they hold now."""
        found: dict[str, Any] = _plain(_inlined(self.data.model_json_schema()))
        return found

    @property
    def published_schema(self) -> dict[str, Any]:
        """The JSON Schema as consumers get it: fields may be added one day, and must not make it fail."""
        found: dict[str, Any] = _open(self.schema)
        return found

    @property
    def example_data(self) -> dict[str, Any]:
        """Data as they occur."""
        about = {"partyId": PARTY} if issubclass(self.data, PartyData) else {}
        return {"actor": {"type": self.actor[0], "id": self.actor[1]}, **about, **copy.deepcopy(self.example)}

    @property
    def example_subject(self) -> str:
        """A subject as it occurs."""
        noun = self.name.partition(".")[0]
        own = {"party": PARTY, "folder": "drill-floor-crew", "organization": "acme"}
        return f"{noun}/{own.get(noun, SUBJECT_ID)}"

    def envelope(self) -> dict[str, Any]:
        """A whole event as it occurs."""
        return {
            "specversion": "1.0",
            "id": "019aa7c2-81b4-7e02-a1c3-5d2f8f6b7a90",
            "source": "urn:rollcall:acme",
            "type": self.name,
            "subject": self.example_subject,
            "time": "2026-04-01T08:00:00.123456Z",
            "datacontenttype": "application/json",
            "org": "acme",
            "sequence": "42",
            "data": self.example_data,
        }


def _inlined(schema: dict[str, Any]) -> Any:
    """The schema with its definitions where they are referred to, so that it can stand anywhere."""
    definitions = schema.pop("$defs", {})

    def within(part: Any) -> Any:
        if isinstance(part, list):
            return [within(each) for each in part]
        if not isinstance(part, dict):
            return part
        if "$ref" in part:
            return within(definitions[part["$ref"].rpartition("/")[2]])
        return {key: within(value) for key, value in part.items()}

    return within(schema)


def _plain(schema: Any, *, names: bool = False) -> Any:
    """Without what Pydantic adds for itself. names: these are the fields of an object, whatever they are called."""
    if isinstance(schema, list):
        return [_plain(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    left_out = () if names else ("title", "default", "description")
    return {
        key: _plain(value, names=key == "properties" and not names)
        for key, value in schema.items()
        if key not in left_out
    }


def _open(schema: Any) -> Any:
    """Without the ban on further fields."""
    if isinstance(schema, list):
        return [_open(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    return {key: _open(value) for key, value in schema.items() if (key, value) != ("additionalProperties", False)}


__all__ = [
    "COURSE",
    "JOB",
    "SYSTEM",
    "UUID",
    "VERSION",
    "Absent",
    "Actor",
    "Changed",
    "Data",
    "EventType",
    "ExternalId",
    "Former",
    "PartyData",
    "Reason",
    "date",
    "datetime",
]
