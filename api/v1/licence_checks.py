"""The licence check: is this party licensed, now or then.

Gates ask it all day long, so its verb asks the database once, without a transaction of the request's own, and finds out
with the same question whether training is available: these routes are mounted without `training_available`.
"""

import uuid
from typing import Annotated

from fastapi import Query, Request, Response

from api.http.dependencies import allow, caller, parts
from api.http.routing import Router
from shared import clock
from shared.database import ID_PATTERN
from shared.licences import CheckAnswer, CheckedItem, CheckRequest
from shared.services import licences
from shared.wire import Answer, ReceivedInstant

router = Router("/v1/licences/check", "licences")


class CheckedItems(Answer):
    """One item for each party and course, in the order they were asked for."""

    items: list[CheckedItem]


# Other routes let FastAPI find caller and parts, as their dependencies: that takes a tenth of a check.


@router.get("", dependencies=[allow(licences.check_licence)], response_model=CheckAnswer)
async def check_one(
    request: Request,
    party_id: Annotated[str, Query(alias="partyId", pattern=ID_PATTERN)],
    course_id: Annotated[uuid.UUID, Query(alias="courseId")],
    at: Annotated[ReceivedInstant | None, Query(description="An instant; what was true then. Now by default.")] = None,
) -> Response:
    """Whether the party is licensed for the course. 404 for a party or a course that is not there."""
    who, made = await caller(request), await parts(request)
    features, now = made.settings.features, clock.now()
    found = await licences.check_licence(made.database, who, party_id, course_id, at, features, now)
    answer = CheckAnswer(
        licensed=found.licensed, licence_id=found.licence_id, expires_at=found.expires_at, reason=found.reason
    )
    return Response(answer.model_dump_json(), media_type="application/json")  # sparing FastAPI's own look at it


@router.post("", dependencies=[allow(licences.check_licences)])
async def check_many(request: Request, body: CheckRequest) -> CheckedItems:
    """The same for up to 500 parties and 20 courses. One that is not there is an item that says so."""
    who, made = await caller(request), await parts(request)
    features, now = made.settings.features, clock.now()
    check = licences.check_licences
    found = await check(made.database, who, body.party_ids, body.course_ids, body.at, features, now)
    return CheckedItems(items=[CheckedItem.model_validate(one) for one in found])
