"""The licence check: is a party licensed for a course, now or at another time.

It is called often and must be fast. Its verb needs one query, which also checks if training is available, so these
routes are mounted without `training_available` and without a transaction of the request.
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
from shared.wire import Answer, ReceivedMoment

router = Router("/v1/licences/check", "licences")


class CheckedItems(Answer):
    """One item for each party and course, in the order of the request."""

    items: list[CheckedItem]


AT = (
    "The time to check for: an instant, now by default, or a day for its end in the organization's zone. Before now, "
    "the answer is what was true then; a licence that begins before it was granted counts from its beginning."
)

# Other routes get caller and parts from FastAPI as dependencies. That would take a tenth of the time of a check.


@router.get("", dependencies=[allow(licences.check_licence)], response_model=CheckAnswer)
async def check_licence(
    request: Request,
    party_id: Annotated[str, Query(alias="partyId", pattern=ID_PATTERN)],
    course_id: Annotated[uuid.UUID, Query(alias="courseId")],
    at: Annotated[ReceivedMoment | None, Query(description=AT)] = None,
) -> Response:
    """Check if the party is licensed for the course. 404 for an unknown party or course."""
    who, made = await caller(request), await parts(request)
    features, now = made.settings.features, clock.now()
    found = await licences.check_licence(made.database, who, party_id, course_id, at, features, now)
    answer = CheckAnswer.model_validate(found)
    return Response(
        answer.model_dump_json(), media_type="application/json"
    )  # so FastAPI does not validate the answer again


@router.post("", dependencies=[allow(licences.check_licences)])
async def check_licences(request: Request, body: CheckRequest) -> CheckedItems:
    """Check up to 500 parties for up to 20 courses. An unknown party or course is reported in its item."""
    who, made = await caller(request), await parts(request)
    features, now = made.settings.features, clock.now()
    check = licences.check_licences
    found = await check(made.database, who, body.party_ids, body.course_ids, body.at, features, now)
    return CheckedItems(items=[CheckedItem.model_validate(one) for one in found])
