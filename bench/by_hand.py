"""`python -m bench.by_hand PORT`: what a request costs at least in Python: bare Starlette routes, written by hand.

They run in the same server as Rollcall, verify the same token for each request, and ask the same rows by psycopg, each
in one message with the statement that sets the organization. They check no permission, limit or availability of
training, know no error, and count nothing.
"""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import jwt
import orjson
import uvicorn
from psycopg import AsyncConnection
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from api.http.connections import allowance, guarded
from api.http.dependencies import MAX_BODY_BYTES
from shared import clock, settings
from shared.asking import Question
from shared.assignments import MAX_RECIPIENTS
from shared.database import SERVING_ROLE, Database
from shared.directory import MAX_PARTIES
from shared.pagination import MAX_LIMIT

AUDIENCE = "rollcall"
_SETTINGS = settings.current()
_URL = _SETTINGS.need_database_url()
_DATABASE = Database(_URL, name="by hand")

_ORGANIZATION = Question(
    name="organization_by_hand",
    query="SELECT training_enabled, training_entitled FROM organization WHERE id = %(org)s",
    parameters={"org": "text"},
    prepared=False,
)

_CHECK = Question(
    name="check_by_hand",
    query="""SELECT training_entitled, training_enabled, party.id IS NOT NULL, course.id IS NOT NULL,
            held.id, held.expires_at, held.revoked_at IS NOT NULL
        FROM organization
        LEFT JOIN party ON party.org_id = %(org)s AND party.id = %(party)s
        LEFT JOIN course ON course.org_id = %(org)s AND course.id = %(course)s
        LEFT JOIN LATERAL (
            SELECT id, expires_at, revoked_at FROM licence
            WHERE licence.org_id = %(org)s AND licence.party_id = party.id AND licence.course_id = course.id
                AND superseded_at IS NULL
            ORDER BY revoked_at IS NULL AND expires_at > %(at)s DESC, granted_at DESC, id DESC LIMIT 1
        ) AS held ON true
        WHERE organization.id = %(org)s""",
    parameters={"org": "text", "party": "text", "course": "uuid", "at": "timestamptz"},
)

_ASSIGNMENTS = Question(
    name="assignments_by_hand",
    query="""SELECT id, course_id, course_version_id,
            (SELECT label FROM course_version AS version
             WHERE version.org_id = assignment.org_id AND version.id = course_version_id),
            party_id,
            (SELECT display_name FROM party WHERE party.org_id = assignment.org_id AND party.id = party_id),
            reason, due_on, state, assigned_by_type, assigned_by_id, assigned_at, job_id
        FROM assignment WHERE org_id = %(org)s ORDER BY id DESC LIMIT 51""",
    parameters={"org": "text"},
    prepared=False,
)


def _claims(request: Request) -> Any:
    token = request.headers["authorization"].partition(" ")[2]
    return jwt.decode(token, _SETTINGS.jwt_secret or "", algorithms=["HS256"], audience=AUDIENCE)


def _json(answer: Any) -> Response:
    return Response(orjson.dumps(answer), media_type="application/json")


async def live(_: Request) -> Response:
    """Answer a constant."""
    return _json({"status": "live"})


async def limits(request: Request) -> Response:
    """Verify the token, and answer constants."""
    _claims(request)
    names = {"bodyBytes": MAX_BODY_BYTES, "recipients": MAX_RECIPIENTS, "page": MAX_LIMIT}
    return _json(names | {"partiesPerSync": MAX_PARTIES})


async def me(request: Request) -> Response:
    """Read one row."""
    claims = _claims(request)
    ((enabled, entitled),) = await _DATABASE.ask(claims["org"], _ORGANIZATION, {"org": claims["org"]})
    entry = {"id": "training", "title": "Training", "href": "/training"}
    return _json(
        {
            "org": claims["org"],
            "member": claims["sub"],
            "party": claims.get("party"),
            "folders": claims.get("folders"),
            "permissions": sorted(claims["permissions"]),
            "navigation": [entry] if enabled and entitled else [],
        }
    )


async def check(request: Request) -> Response:
    """Read one licence."""
    claims, asked, now = _claims(request), request.query_params, clock.now()
    parameters = {"org": claims["org"], "party": asked["partyId"], "course": asked["courseId"], "at": now}
    (row,) = await _DATABASE.ask(claims["org"], _CHECK, parameters)
    valid = row[4] is not None and row[5] > now and not row[6]
    reason = "valid" if valid else "never-licensed"
    return _json({"licensed": valid, "licenceId": row[4], "expiresAt": row[5], "reason": reason})


async def assignments(request: Request) -> Response:
    """Read a page of 50."""
    claims = _claims(request)
    rows = await _DATABASE.ask(claims["org"], _ASSIGNMENTS, {"org": claims["org"]})
    return _json({"items": [_assignment(row) for row in rows[:50]], "nextCursor": str(rows[49][0])})


def _assignment(row: tuple[Any, ...]) -> dict[str, Any]:
    return {
        "id": row[0],
        "courseId": row[1],
        "courseVersionId": row[2],
        "versionLabel": row[3],
        "party": {"entityType": "party", "entityId": row[4], "displayName": row[5]},
        "reason": row[6],
        "dueOn": row[7],
        "state": row[8],
        "overdue": False,
        "assignedBy": {"type": row[9], "id": row[10]},
        "assignedAt": row[11],
        "jobId": row[12],
        "completion": None,
        "closure": None,
    }


_POST = """
    WITH made AS (
        INSERT INTO job (org_id, kind, state, total, succeeded, request, submitted_by_type, submitted_by_id,
                         submitted_at, progressed_at, finished_at)
        VALUES (%(org)s, 'bench', 'succeeded', %(total)s, %(total)s, %(request)s::jsonb, 'member', %(member)s,
                now(), now(), now())
        RETURNING org_id, id
    ), chunks AS (
        INSERT INTO job_chunk (org_id, job_id, n, recipients, state)
        SELECT org_id, id, n, (%(parties)s::text[])[n * %(size)s::int + 1:(n + 1) * %(size)s::int], 'done'
        FROM made, generate_series(0, (%(total)s::int - 1) / %(size)s::int) AS n
    ), numbered AS (
        UPDATE event_stream SET last_sequence = last_sequence + 1 WHERE org_id = %(org)s RETURNING last_sequence
    ), told AS (
        INSERT INTO event (org_id, sequence, type, subject, recorded_at, actor_type, actor_id, data)
        SELECT org_id, last_sequence, 'job.submitted', 'job/' || id, now(), 'member', %(member)s, %(request)s::jsonb
        FROM made, numbered
    ) SELECT id FROM made"""
_CHUNK = 1_000


async def submit(request: Request) -> Response:
    """Parse recipients, and insert a job with its chunks and its event."""
    claims, body = _claims(request), orjson.loads(await request.body())
    parties = sorted({one["entityId"] for one in body["recipients"]})
    given = {"org": claims["org"], "member": claims["sub"], "parties": parties, "total": len(parties), "size": _CHUNK}
    given["request"] = orjson.dumps({"courseId": body["courseId"], "reason": body["reason"]}).decode()
    async with _pool() as connection, connection.transaction():
        await connection.execute("SELECT set_config('rollcall.org', %s, true)", (claims["org"],))
        row = await (await connection.execute(_POST, given)).fetchone()
    return Response(orjson.dumps({"id": row and row[0], "total": len(parties)}), 202, media_type="application/json")


_connections: list[AsyncConnection] = []


@asynccontextmanager
async def _pool() -> AsyncIterator[AsyncConnection]:
    """Borrow a connection that may write."""
    connection = _connections.pop() if _connections else await AsyncConnection.connect(_URL, autocommit=True)
    await connection.execute(f"SET ROLE {SERVING_ROLE}")
    yield connection
    _connections.append(connection)


ROUTES = {
    "/health/live": live,
    "/v1/limits": limits,
    "/v1/me": me,
    "/v1/licences/check": check,
    "/v1/assignments": assignments,
}


def application() -> Starlette:
    """Return the application."""
    reads = [Route(path, route, methods=["GET"]) for path, route in ROUTES.items()]
    return Starlette(routes=[Route("/v1/assignments", submit, methods=["POST"]), *reads])


def main() -> None:
    """Serve until a signal."""
    http = guarded(allowance(_SETTINGS.api_connections))
    uvicorn.run(application(), port=int(sys.argv[1]), http=http, log_config=None, access_log=False, server_header=False)


if __name__ == "__main__":
    main()
