"""`python -m bench.scim [--members 5000] [--rounds 7]`: thousands of members added to a group by one PATCH.

Writes `bench/SCIM.md`.
"""

import argparse
import json
import os
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fastapi.testclient import TestClient
from psycopg.types.json import Jsonb

from api.app import create_app
from api.http.parts import Parts, build
from bench.ground import Connection, lay_out
from bench.report import contest, publish
from bench.running import serve_here
from cli import embedded
from shared import access, settings
from shared.access import Permission

PAGE = Path(__file__).with_name("SCIM.md")
TARGET = 3.0

INTRODUCTION = """\
# What a large group costs by SCIM

Written by `python -m bench.scim`. Times are medians; the ratio is that of the medians, with the lowest and the highest
round in brackets. The floor is the same rows by hand: one transaction of the serving role that inserts the memberships,
sets `updated_at` of the parties and inserts an event for each, with one statement for each table. Rollcall is one
request, from its first byte to its answer: the body is read and checked, parties are found and locked, events numbered.
The second table has the memberships alone as its floor, without what tells others of them. The contenders take turns.
"""

ORG = "bench-scim"

MEMBERS = """INSERT INTO folder_member (org_id, folder_id, party_id)
    SELECT %(org)s, %(folder)s, id FROM unnest(%(ids)s::text[]) AS id"""
TOUCHED = "UPDATE party SET updated_at = now() WHERE org_id = %(org)s AND id = ANY(%(ids)s::text[])"
EVENTS = """WITH taken AS (
        UPDATE event_stream SET last_sequence = last_sequence + %(number)s WHERE org_id = %(org)s
        RETURNING last_sequence - %(number)s AS before
    ) INSERT INTO event (org_id, sequence, type, subject, party_id, actor_type, actor_id, recorded_at, data)
    SELECT %(org)s, before + n, 'party.changed', 'party/' || id, id, 'member', 'bench', now(), %(data)s
    FROM taken, unnest(%(ids)s::text[]) WITH ORDINALITY AS named(id, n)"""


def main() -> None:
    """Measure, print the tables and write the page."""
    parser = argparse.ArgumentParser(prog="python -m bench.scim", description=__doc__)
    parser.add_argument("--members", type=int, default=5000)
    parser.add_argument("--rounds", type=int, default=7)
    asked, load = parser.parse_args(), os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="rollcall-bench-") as directory, embedded.running(Path(directory)) as at:
        by_hand, members, ours = _measure(at, asked.members, asked.rounds)
    found = [
        contest("the same rows by hand", asked.members, by_hand, ours, TARGET, load),
        contest("the memberships alone", asked.members, members, ours, TARGET, load),
    ]
    publish(found[0], PAGE, INTRODUCTION, found[1])


def _measure(at: embedded.Addresses, number: int, rounds: int) -> tuple[list[float], list[float], list[float]]:
    """Returns the seconds per round of the two floors and of Rollcall. The first round of each is not counted."""
    serve_here(at)
    parts = build(settings.current())
    with Connection.connect(at.superuser_database_url, autocommit=True) as connection:
        ground = lay_out(connection, number, ORG)
    found: tuple[list[float], list[float], list[float]] = ([], [], [])
    with TestClient(create_app(parts)) as client:
        token = access.issue(
            parts.settings, org_id=ORG, member_id="bench", permissions=[Permission.SYNC_DIRECTORY], ttl_seconds=3600
        )
        client.headers |= {"Authorization": f"Bearer {token}", "Content-Type": "application/scim+json"}
        operation = {"op": "Add", "path": "members", "value": [{"value": one} for one in ground.parties]}
        body = json.dumps({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [operation]})
        for n in range(rounds + 1):
            times = (
                _by_hand(parts, f"by-hand-{n}", ground.parties, (MEMBERS, TOUCHED, EVENTS)),
                _by_hand(parts, f"alone-{n}", ground.parties, (MEMBERS,)),
                _patched(client, f"group-{n}", body),
            )
            for seconds, each in zip(times, found, strict=True):
                if n:
                    each.append(seconds)
    return found


def _by_hand(parts: Parts, folder_id: str, ids: Sequence[str], statements: Sequence[str]) -> float:
    key = {
        "org": ORG,
        "folder": folder_id,
        "ids": list(ids),
        "number": len(ids),
        "data": Jsonb({"changed": ["folders"]}),
    }
    made = (
        "INSERT INTO folder (org_id, id, name, created_at, updated_at) VALUES (%(org)s, %(folder)s, 'x', now(), now())"
    )
    _run(parts, key, [made])
    begin = time.perf_counter()
    _run(parts, key, statements)
    return time.perf_counter() - begin


def _run(parts: Parts, key: dict[str, Any], statements: Sequence[str]) -> None:
    with parts.database.transaction(ORG) as db:
        connection: Any = db.connection().connection.driver_connection
        for statement in statements:
            connection.execute(statement, key)


def _patched(client: TestClient, group_id: str, body: str) -> float:
    made = {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": "Crew", "externalId": group_id}
    assert client.post("/scim/v2/Groups", json=made).status_code == 201
    begin = time.perf_counter()
    answer = client.patch(f"/scim/v2/Groups/{group_id}", content=body)
    seconds = time.perf_counter() - begin
    if answer.status_code != 204:
        raise RuntimeError(answer.text)
    return seconds


if __name__ == "__main__":
    main()
