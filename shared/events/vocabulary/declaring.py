"""How an event type is declared: its meaning, the fields of its `data`, and one example.

The JSON Schemas come from Pydantic. Three small functions rework them: definitions inlined, Pydantic's titles and
defaults left out, further fields allowed.
"""

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
"""A reason in a member's own words."""

Absent = SkipJsonSchema[None]
"""`x: UUID | Absent = None` declares a field that may be left out and is never null."""

Former = dict[str, Any]
"""The former values of fields, by field name."""

SUBJECT_ID = "019aa7c2-7d1e-7c5b-9b54-3f3d3c1f9e11"
COURSE, VERSION, JOB = (
    "019aa7c0-11aa-7b3c-8d4e-2f6a1b9c0d10",
    "019aa7c0-22bb-7c4d-9e5f-3a7b2c8d1e20",
    "019aa7c2-33cc-7d5e-8f60-4b8c3d7e2f30",
)
"""Ids in the examples."""

PARTY, MEMBER, SYSTEM = "crew-0042", ("member", "coordinator-7"), ("system", "rollcall")


class Actor(BaseModel):
    """The actor: a member by id, a party through a session link, or the system on a schedule or by a command."""

    type: Literal["member", "party", "system"]
    id: ExternalId


class Data(BaseModel):
    """The data of every event. Ids only: events are sent out and kept for years."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        validate_by_name=True,
        extra="forbid",
        defer_build=True,  # recording and reading events never needs these models
    )

    actor: Actor


class PartyData(Data):
    """The data of every event about a party."""

    party_id: ExternalId


class Changed(BaseModel):
    """changed: the names of the fields that changed."""

    changed: Annotated[list[str], Field(min_length=1)]


@dataclass(frozen=True)
class EventType:
    """One published event type. It is never renamed, and its data never lose a field; they may gain fields.

    name: `<noun>.<what happened>`; the subject begins with the same noun. meaning: one sentence.
    data: the model of the data. example: example data without the actor and the party. by_name: True if a webhook gets
    it only if it names the type: receivers of all types have never asked for what was not there.
    """

    name: str
    meaning: str
    data: type[Data]
    example: dict[str, Any]
    actor: tuple[str, str] = MEMBER
    by_name: bool = False

    @property
    def schema(self) -> dict[str, Any]:
        """The JSON Schema of the data, which refuses fields that are not declared today."""
        found: dict[str, Any] = _plain(_inlined(self.data.model_json_schema()))
        return found

    @property
    def published_schema(self) -> dict[str, Any]:
        """The JSON Schema for consumers, which allows further fields, because some may be added."""
        found: dict[str, Any] = _open(self.schema)
        return found

    @property
    def example_data(self) -> dict[str, Any]:
        """The example with the actor and, in an event about a party, the party."""
        about = {"partyId": PARTY} if issubclass(self.data, PartyData) else {}
        return {"actor": {"type": self.actor[0], "id": self.actor[1]}, **about, **copy.deepcopy(self.example)}

    @property
    def example_subject(self) -> str:
        """The subject of the example."""
        noun = self.name.partition(".")[0]
        own = {"party": PARTY, "folder": "drill-floor-crew", "organization": "acme"}
        return f"{noun}/{own.get(noun, SUBJECT_ID)}"

    def envelope(self) -> dict[str, Any]:
        """Returns the example as a whole event."""
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
    """Returns the schema with each `$ref` replaced by its definition, so that it can be embedded anywhere."""
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
    """Returns the schema without Pydantic's titles, defaults and descriptions.

    names: True if the keys of `schema` are field names, which are kept whatever they are.
    """
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
    """Returns the schema without its ban on further fields."""
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
