"""The licence check at the front desk: is this party licensed, now or then.

Gates ask it all day long, so it asks the database once, without a transaction of the request's own, and finds out with
the same question whether training is available: its routes are mounted without `training_available`.
"""

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

from fastapi import Query, Request, Response

from api.dependencies import allow, caller, service
from api.routing import Router
from shared import clock, licences
from shared.access import Permission
from shared.database import ID_PATTERN
from shared.errors import NotFound
from shared.licences import CheckAnswer, Checked, CheckedItem, CheckReason, CheckRequest
from shared.wire import Answer, ReceivedInstant

router = Router("/v1/licences/check", "licences")

CHECKS = allow(Permission.CHECK_LICENCES, Permission.VIEW, Permission.ADMIN)

NOT_THERE = {CheckReason.PARTY_NOT_FOUND: "party", CheckReason.COURSE_NOT_FOUND: "course"}


class CheckedItems(Answer):
    """One item for each party and course, in the order they were asked for."""

    items: list[CheckedItem]


@router.get("", dependencies=[CHECKS], response_model=CheckAnswer)
async def check_one(
    request: Request,
    party_id: Annotated[str, Query(alias="partyId", pattern=ID_PATTERN)],
    course_id: Annotated[uuid.UUID, Query(alias="courseId")],
    at: Annotated[ReceivedInstant | None, Query(description="An instant; what was true then. Now by default.")] = None,
) -> Response:
    """Whether the party is licensed for the course. 404 for a party or a course that is not there."""
    (found,) = await _ask(request, [party_id], [course_id], at)
    if found.reason in NOT_THERE:
        raise NotFound(NOT_THERE[found.reason])
    answer = CheckAnswer(
        licensed=found.licensed, licence_id=found.licence_id, expires_at=found.expires_at, reason=found.reason
    )
    return Response(answer.model_dump_json(), media_type="application/json")  # sparing FastAPI's own look at it


@router.post("", dependencies=[CHECKS])
async def check_many(request: Request, body: CheckRequest) -> CheckedItems:
    """The same for up to 500 parties and 20 courses. One that is not there is an item that says so."""
    found = await _ask(request, body.party_ids, body.course_ids, body.at)
    return CheckedItems(items=[CheckedItem.model_validate(one) for one in found])


async def _ask(
    request: Request, party_ids: Sequence[str], course_ids: Sequence[uuid.UUID], at: datetime | None
) -> list[Checked]:
    """What others let FastAPI find, as its dependencies, is asked for here: finding it costs a tenth of a check."""
    who, made, now = await caller(request), await service(request), clock.now()
    return await licences.check(
        made.database,
        who.org_id,
        party_ids,
        course_ids,
        at=at or now,
        now=now,
        scope=who.folders,
        features=made.settings.features,
    )
