"""The published event types: declared, documented, in AsyncAPI, true of real events, and never removed."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from fastapi import FastAPI
from fastapi.testclient import TestClient

from shared import events
from shared.events import TYPES
from tests.architecture.test_published_names import EVENT_TYPES
from tests.drain import InProcessWorker
from tests.events import documented
from tests.events.scenario import everything_happens
from tests.factories import Org
from tests.feed import recorded

ASYNCAPI = Path(__file__).with_name("asyncapi") / "schema-3.0.0.json"


def faults(event: dict[str, Any]) -> list[str]:
    """Returns where a whole event differs from its declared type; an undeclared field is a fault too."""
    schema = events.envelope_schema(TYPES[event["type"]], strict=True)
    validator = jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker())
    return [f"{event['type']} {fault.json_path}: {fault.message}" for fault in validator.iter_errors(event)]


# --- declared types are the published types


def test_every_published_type_is_declared() -> None:
    assert set(TYPES) == EVENT_TYPES


@pytest.mark.parametrize("name", sorted(TYPES))
def test_an_example_is_an_event_of_its_type(name: str) -> None:
    assert faults(TYPES[name].envelope()) == []


def test_the_meaning_of_a_type_is_a_sentence() -> None:
    assert [name for name, declared in TYPES.items() if not declared.meaning.endswith(".")] == []


# --- declared types are true of real events


def test_every_event_that_really_occurs_is_as_declared(org: Org, worker: InProcessWorker) -> None:
    everything_happens(org, worker)
    seen = recorded(org)
    assert [fault for event in seen for fault in faults(events.cloud_event(event))] == []
    assert {event.type for event in seen} == set(TYPES), "a type that does not occur here is not verified"


@pytest.mark.parametrize(
    ("field", "value"), [("partyName", "Ada"), ("dueOn", 7), ("dueOn", "soon"), ("courseId", "x"), ("actor", None)]
)
def test_an_event_that_is_not_as_declared_is_found(field: str, value: Any) -> None:
    event = TYPES["assignment.created"].envelope()
    event["data"][field] = value
    assert len(faults(event)) == 1


def test_the_schema_for_consumers_allows_new_fields(org: Org) -> None:
    event = TYPES["job.finished"].envelope()
    event["data"]["counts"]["postponed"] = event["data"]["more"] = 1
    jsonschema.validate(event, events.envelope_schema(TYPES["job.finished"]))
    assert len(faults(event)) == 2


def test_the_cloudevents_sdk_reads_every_event(org: Org) -> None:
    org.with_parties("party-1")
    for item in org.client().get("/v1/events").json()["items"]:
        read = JSONFormat().read(CloudEvent, json.dumps(item))
        assert (read.get_id(), read.get_type(), read.get_specversion()) == (item["id"], item["type"], "1.0")
        assert (read.get_subject(), read.get_source()) == (item["subject"], item["source"])
        assert (read.get_extension("sequence"), read.get_extension("org")) == (item["sequence"], org.id)
        assert read.get_data() == item["data"]
        assert json.loads(JSONFormat().write(read))["data"] == item["data"]


# --- published types and fields stay


def test_no_type_or_field_that_consumers_rely_on_was_removed() -> None:
    now = documented.schemas()
    assert documented.taken_back(documented.frozen(), now) == []
    assert now == documented.frozen(), "run python -m tests.events.documented"


def without(schemas: Any, *path: str) -> Any:
    copied = json.loads(json.dumps(schemas))
    inside = copied
    for key in path[:-1]:
        inside = inside[key]
    if isinstance(inside, dict):
        del inside[path[-1]]
    else:
        inside.remove(path[-1])
    return copied


@pytest.mark.parametrize(
    "path",
    [
        ("party.erased",),
        ("assignment.created", "properties", "dueOn"),
        ("assignment.created", "required", "dueOn"),
        ("assignment.completed", "properties", "method", "enum", "self"),
        ("job.finished", "properties", "counts", "properties", "failed"),
    ],
)
def test_a_removed_type_or_field_is_found_and_an_added_one_is_allowed(path: tuple[str, ...]) -> None:
    now = documented.schemas()
    assert len(documented.taken_back(now, without(now, *path))) == 1
    assert documented.taken_back(without(now, *path), now) == []


def test_the_docs_list_every_type() -> None:
    assert documented.listed() == documented.table(), "run python -m tests.events.documented"


# --- the AsyncAPI document


def test_the_description_is_valid_asyncapi_and_has_every_type(app: FastAPI) -> None:
    answer = TestClient(app).get("/v1/events/asyncapi.json")
    assert answer.status_code == 200
    document = answer.json()
    schema = json.loads(ASYNCAPI.read_text(encoding="utf-8"))
    jsonschema.Draft7Validator(schema, format_checker=jsonschema.FormatChecker()).validate(document)
    assert set(document["components"]["messages"]) == set(TYPES)
    assert set(document["channels"]) == {"feed", "stream", "webhooks"}
    assert len(list(references(document))) > 6 * len(TYPES)
    assert [ref for ref in references(document) if not leads_somewhere(document, ref)] == []


@pytest.mark.parametrize("broken", [{"asyncapi": "2.6.0"}, {"channels": {"feed": {"adress": "x"}}}, {"info": {}}])
def test_a_description_that_is_not_valid_is_found(broken: dict[str, Any]) -> None:
    schema = json.loads(ASYNCAPI.read_text(encoding="utf-8"))
    document = events.asyncapi_document("http://127.0.0.1:8000", "1") | broken
    assert not jsonschema.Draft7Validator(schema).is_valid(document)


def test_the_schemas_and_examples_in_the_description_fit(app: FastAPI) -> None:
    for message in TestClient(app).get("/v1/events/asyncapi.json").json()["components"]["messages"].values():
        jsonschema.Draft202012Validator.check_schema(message["payload"])
        for example in message["examples"]:
            jsonschema.validate(example["payload"], message["payload"])


def references(part: Any) -> list[str]:
    """Returns every `$ref` in a part of the document."""
    if isinstance(part, list):
        return [ref for each in part for ref in references(each)]
    if not isinstance(part, dict):
        return []
    return [part["$ref"]] if "$ref" in part else [ref for value in part.values() for ref in references(value)]


def leads_somewhere(document: Any, ref: str) -> bool:
    for key in ref.removeprefix("#/").split("/"):
        if key not in document:
            return False
        document = document[key]
    return True
