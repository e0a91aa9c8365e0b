"""The AsyncAPI 3.0 document of the events, made from their declarations, for consumers and code generators.

Built by hand: FastStream can write such a document, but only for channels and handlers that it runs itself.
"""

from typing import Any
from urllib.parse import urlsplit

from shared.database import ID_PATTERN
from shared.events.vocabulary import TYPES, EventType

ASYNCAPI = "3.0.0"
INTRODUCTION = """\
Every change in Rollcall is an event, in a CloudEvents 1.0 envelope. `sequence` is 1, 2, 3 ... for each organization,
without a hole: a consumer that has read up to N has missed nothing up to N. `id` is the same in every channel.

Event types are never renamed and their data never lose a field. They may gain fields, so ignore fields you don't know.
"""
CHANNELS = {
    "feed": (
        "/v1/events",
        "The feed",
        "`GET /v1/events?after=N` returns the events above N as `items`, in order, at most `limit` of them. With "
        "`wait` the response is held until there is an event. `nextCursor` is the next `after`. The feed is complete.",
    ),
    "stream": (
        "rollcall:events",
        "The Redis Stream",
        "Entries of a Redis Stream for consumer groups, in order for each organization, trimmed to a configured "
        "length. The message is the entry's field `event`, as JSON; the other fields are `org`, `sequence`, `type` and "
        "`id`. An event may come twice, with the same `id`.",
    ),
    "webhooks": (
        None,
        "Webhooks",
        "A POST to each address registered at `/v1/webhooks` for the type, signed according to Standard Webhooks. An "
        "event may come twice, with the same `id`, and a retried event may come after later ones.",
    ),
}
"""The address, the title and the description of each channel."""

SEQUENCE = {"type": "string", "pattern": "^[1-9][0-9]*$"}


def asyncapi_document(public_url: str, version: str) -> dict[str, Any]:
    """Returns the document. public_url: the address of this deployment's API."""
    at = urlsplit(public_url)
    return {
        "asyncapi": ASYNCAPI,
        "id": "urn:rollcall:events",
        "info": {"title": "Rollcall's events", "version": version, "description": INTRODUCTION},
        "defaultContentType": "application/json",
        "servers": {
            "api": {"host": at.netloc, "protocol": at.scheme} | ({"pathname": at.path} if at.path else {}),
            "redis": {
                "host": "{redis}",
                "protocol": "redis",
                "variables": {"redis": {"description": "Ask your operator.", "default": "127.0.0.1:6379"}},
            },
        },
        "channels": {name: _channel(name) for name in CHANNELS},
        "operations": {
            f"tellBy{name.capitalize()}": {
                "action": "send",
                "title": title,
                "channel": _ref("channels", name),
                "messages": [_ref("channels", name, "messages", declared) for declared in TYPES],
            }
            for name, (_, title, _) in CHANNELS.items()
        },
        "components": {"messages": {name: _message(declared) for name, declared in TYPES.items()}},
    }


def envelope_schema(declared: EventType, *, strict: bool = False) -> dict[str, Any]:
    """Returns the JSON Schema of a whole event of a type. strict: refuse fields that are not declared today."""
    data = declared.schema if strict else declared.published_schema
    properties: dict[str, Any] = {
        "specversion": {"const": "1.0"},
        "id": {"type": "string", "format": "uuid"},
        "source": {"type": "string", "pattern": "^urn:rollcall:.+"},
        "type": {"const": declared.name},
        "subject": {"type": "string", "pattern": f"^{declared.name.partition('.')[0]}/.+"},
        "time": {"type": "string", "format": "date-time"},
        "datacontenttype": {"const": "application/json"},
        "org": {"type": "string", "pattern": ID_PATTERN},
        "sequence": SEQUENCE,
        "data": data,
    }
    closed = {"additionalProperties": False} if strict else {}
    return {"type": "object", "required": list(properties), "properties": properties, **closed}


def _channel(name: str) -> dict[str, Any]:
    address, title, description = CHANNELS[name]
    servers = {"feed": "api", "stream": "redis"}
    return {
        "address": address,
        "title": title,
        "description": description,
        **({"servers": [_ref("servers", servers[name])]} if name in servers else {}),
        "messages": {declared: _ref("components", "messages", declared) for declared in TYPES},
    }


def _message(declared: EventType) -> dict[str, Any]:
    return {
        "name": declared.name,
        "title": declared.name,
        "summary": declared.meaning,
        "contentType": "application/json",
        "payload": envelope_schema(declared),
        "examples": [{"name": "example", "payload": declared.envelope()}],
    }


def _ref(*path: str) -> dict[str, str]:
    return {"$ref": "/".join(["#", *path])}
