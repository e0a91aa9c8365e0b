"""An example of every request body, made from its schema: values by the name of the field, else by its form.

A body that needs another one declares it in its model (`json_schema_extra`) or stands in `WHOLE`. A test validates
each.
"""

import json
from typing import Any

JSON = "application/json"

ID = "01990000-0000-7000-8000-00000000000"

VALUES: dict[str, Any] = {
    "code": "H2S",
    "completedOn": "2026-03-31",
    "courseCode": "H2S",
    "courseId": f"{ID}1",
    "description": "What to do when the gas alarm sounds.",
    "displayName": "Kari Nordmann",
    "dueOn": "2099-06-30",
    "email": "kari.nordmann@example.com",
    "endsAt": "2099-04-01T14:00:00Z",
    "entityId": "crew-0042",
    "folders": ["drill-floor-crew"],
    "issuer": "Norwegian Maritime School",
    "joinUrl": "https://meet.example.com/h2s",
    "label": "2026",
    "language": "nb",
    "location": "Training hall, Forus",
    "name": "Drill floor crew",
    "note": "Shown by the paper certificate.",
    "number": "NMS-2026-117",
    "occurredOn": "2026-03-31",
    "expiresAt": "2099-03-31T22:00:00Z",
    "partyId": "crew-0042",
    "reason": "Annual refresher before the rig move",
    "sessionId": "evening-class-17",
    "startsAt": "2099-04-01T08:00:00Z",
    "timeZone": "Europe/Oslo",
    "title": "Hydrogen-sulfide response",
    "type": "offshore",
    "types": ["licence.granted", "licence.revoked"],
    "url": "https://hooks.example.com/rollcall",
    "versionLabel": "2026",
    "why": "The rig moves in May",
}
"""Values of fields, by their names."""

BY_FORMAT = {
    "date": "2099-06-30",
    "date-time": "2099-06-30T08:00:00Z",
    "uri": "https://example.com/",
    "uuid": f"{ID}2",
}

SHOWN = frozenset(
    {"dueOn", "displayName", "folders", "email", "recipients", "location", "code", "reason", "completedOn"}
)
"""Fields that examples show although they may be left out."""

_SELECTED = {"assignmentIds": [f"{ID}2", f"{ID}3"]}

WHOLE: dict[str, Any] = {
    "AmendmentRequest": {
        "reason": "He sat in the last row",
        "add": [{"entityType": "party", "entityId": "crew-0042"}],
    },
    "SimulationRequest": {
        "policy": {"licenceMonths": 24, "licenceEnds": "end_of_month", "renewalWindowDays": 90},
        "history": [{"grantedAt": "2026-03-31T14:00:00Z"}, {"grantedAt": "2028-02-01T14:00:00Z"}],
    },
    "BulkChangeRequest": {"set": {"dueOn": "2099-06-30"}, "why": VALUES["why"], "filter": {"courseId": f"{ID}1"}},
    "BulkCloseRequest": {"reason": "They left the rig", "filter": {"folderId": "drill-floor-crew"}},
    "BulkCompletionRequest": {
        "courseId": f"{ID}1",
        "recipients": [{"entityType": "party", "entityId": "crew-0042"}],
        "occurredOn": "2026-03-31",
    },
    "BulkRevocationRequest": {
        "reason": "The instructor was not certified",
        "filter": {"courseId": f"{ID}1", "expiresBefore": VALUES["expiresAt"]},
    },
    "BulkReopenRequest": {"reason": "Closed by mistake", **_SELECTED},
    "PackRequest": {"filter": {"folderIds": ["drill-floor-crew"]}, "on": "2026-06-30"},
    "RemindRequest": {"filter": {"courseId": f"{ID}1", "overdue": True}},
    "AvailabilityChange": {"enabled": False},
    "CheckRequest": {"partyIds": ["crew-0042", "crew-0043"], "courseIds": [f"{ID}1"]},
    "ResendRequest": {"state": "dead", "channel": "webhook"},
    "SettingsChange": {"changeLimit": 500},
    "LookChange": {"signatoryName": "Kari Nordmann", "signatoryTitle": "HSE manager", "showTrainingDate": True},
    "CourseChanges": {"title": VALUES["title"], "licenceMonths": 24},
    "VersionChanges": {"label": "2026-2"},
    "SessionChanges": {"location": "Training hall, Forus", "capacity": 40},
    "WebhookChanges": {"enabled": False},
    "LicenceChanges": {"expiresAt": VALUES["expiresAt"], "reason": "The certificate was dated wrongly"},
}
"""Whole examples, by the name of the schema."""


def add_example(operation: dict[str, Any], components: dict[str, Any]) -> None:
    """Give the body of an operation an example, unless it has one. Of a list, also as NDJSON and as CSV."""
    content = operation.get("requestBody", {}).get("content", {})
    if JSON not in content:
        return
    made = content[JSON].setdefault("example", example(content[JSON]["schema"], components.get("schemas", {})))
    rows = next((value for value in made.values() if isinstance(value, list)), [])
    first = rows[0] if rows and isinstance(rows[0], dict) else {}
    texts = {name: "|".join(value) if isinstance(value, list) else str(value) for name, value in first.items()}
    for kind, text in (
        ("application/x-ndjson", "".join(f"{json.dumps(one)}\n" for one in rows)),
        ("text/csv", f"{','.join(texts)}\n{','.join(texts.values())}\n"),
    ):
        if kind in content:
            content[kind].setdefault("example", text)


def example(schema: dict[str, Any], schemas: dict[str, Any], name: str = "") -> Any:
    """Return a value that a schema allows. name: of the field."""
    if "$ref" in schema:
        named = schema["$ref"].rpartition("/")[2]
        return WHOLE[named] if named in WHOLE else example(schemas[named], schemas, name)
    for word in ("examples", "enum"):
        if schema.get(word):
            return schema[word][0]
    if "const" in schema:
        return schema["const"]
    if "anyOf" in schema:
        return example(next(one for one in schema["anyOf"] if one.get("type") != "null"), schemas, name)
    if name in VALUES and schema.get("type") != "object":
        return VALUES[name]
    match schema.get("type"):
        case "object":
            return _members(schema, schemas)
        case "array":
            return [example(schema["items"], schemas, name.removesuffix("s"))]
        case "integer" | "number":
            return int(schema.get("minimum", 1))
        case "boolean":
            return True
        case _:
            return BY_FORMAT.get(schema.get("format", ""), "text")


def _members(schema: dict[str, Any], schemas: dict[str, Any]) -> dict[str, Any]:
    """An example of each field that is required or shown; of all if there are none, as changes need one at least."""
    members: dict[str, Any] = schema.get("properties", {})
    wanted = {name: one for name, one in members.items() if name in schema.get("required", ()) or name in SHOWN}
    return {name: example(one, schemas, name) for name, one in (wanted or members).items()}
