"""The events as an AsyncAPI 3.0 document, made from their declarations: for consumers and their generators."""

from typing import Any
from urllib.parse import urlsplit

from shared.database import ID_PATTERN
from shared.events.vocabulary import TYPES, EventType

ASYNCAPI = "3.0.0"
INTRODUCTION = """\
Every change in Rollcall is an event, in a CloudEvents 1.0 envelope. `sequence` is 1, 2, 3 ... for each organization,
without a hole: whoever has read up to N has missed nothing up to N. `id` identifies an event wherever it is met.

Event types are never renamed and their data never lose a field; they may gain some, so ignore what you do not know.
"""
CHANNELS = {
    "feed": (
        "/v1/events",
        "The feed",
        "`GET /v1/events?after=N` answers the events above N as `items`, in order, at most `limit` of them, and with "
        "`wait` holds the answer until there is one. `nextCursor` is the next `after`. Nothing is ever missing here.",
    ),
    "stream": (
        "rollcall:events",
        "The Redis Stream",
        "Entries of a Redis Stream for consumer groups, in order for each organization, trimmed to a configured "
        "length. The message is the entry's field `event`, as JSON; `org`, `sequence`, `type` and `id` are fields "
        "besides. An event may come twice, with the same `id`.",
    ),
    "webhooks": (
        None,
        "Webhooks",
        "A POST to each address registered at `/v1/webhooks` for the type, signed after Standard Webhooks. An event "
        "may come twice, with the same `id`, and a retried one after later ones.",
    ),
}
"""Each with its address, its title, and how the events come there."""

SEQUENCE = {"type": "string", "pattern": "^[1-9][0-9]*$"}


def asyncapi(public_url: str, version: str) -> dict[str, Any]:
    """The document. public_url: where this deployment's API is reached."""
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
                "variables": {"redis": {"description": "Ask whoever operates it.", "default": "127.0.0.1:6379"}},
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
    """The JSON Schema of a whole event of a type. strict: with nothing but what it holds now."""
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
