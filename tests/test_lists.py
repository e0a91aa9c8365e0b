"""Lists are written from rows, without their models: each as its model would write it."""

import re
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute, iter_route_contexts
from pydantic import TypeAdapter

from tests.deliveries.receiving import plan, webhook
from tests.drain import InProcessWorker
from tests.events.scenario import everything_happens
from tests.factories import Org

WITH_IDS = {
    "course_id": "/v1/courses",
    "job_id": "/v1/jobs?kind=assignments.create",
    "session_id": "/v1/sessions",
    "webhook_id": "/v1/webhooks",
}
"""The list from which each id in the address of another list is taken."""


def paged(app: FastAPI) -> dict[str, Any]:
    """The models of the lists that have pages, by their paths."""
    return {
        str(one.path): one.original_route.response_model
        for one in iter_route_contexts(app.routes)
        if isinstance(one.original_route, APIRoute)
        and one.methods == {"GET"}
        and {"items", "next_cursor"} <= set(getattr(one.original_route.response_model, "model_fields", {}))
    }


def test_every_list_is_written_as_its_model_writes_it(app: FastAPI, org: Org, worker: InProcessWorker) -> None:
    webhook(org)
    everything_happens(org, worker)
    plan(org)
    client, lists = org.client(party="crew-1"), paged(app)
    client.post("/v1/sweeps")
    client.post("/v1/packs", json={"filter": {"all": True}, "on": "2026-01-01"})
    assert len(lists) > 15
    empty = set()
    for path, model in lists.items():
        adapter: TypeAdapter[Any] = TypeAdapter(model)
        names = re.findall(r"{(\w+)}", path)
        owners = [one["id"] for name in names for one in client.get(WITH_IDS[name]).json()["items"]] or [""]
        found = [client.get(path.format(**dict.fromkeys(names, owner))) for owner in owners]
        for answer in found:
            assert answer.status_code == 200, path
            assert adapter.dump_json(adapter.validate_json(answer.content), by_alias=True) == answer.content, path
        if not any(answer.json()["items"] for answer in found):
            empty.add(path)
    assert {path for path in empty if not path.startswith("/v1/me/")} == set()  # which are written as models
