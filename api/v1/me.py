"""The assignments and licences of the party that the caller represents. They need no permission."""

from api.http.dependencies import Now, Today, allow
from api.http.routing import Router
from api.v1.lists import AskedList
from shared.assignments import AssignmentAnswer
from shared.licences import LicenceAnswer
from shared.services import me
from shared.wire import Listing

router = Router("/v1/me", "organization")


@router.get("/assignments", dependencies=[allow(me.list_my_assignments)])
def my_assignments(asked: AskedList, today: Today, now: Now) -> Listing[AssignmentAnswer]:
    """The open assignments of the caller's party by due date, then the completed ones.

    Empty for a member who represents no party (`party` of `GET /v1/me` is null).
    """
    rows = me.list_my_assignments(asked.db, asked.caller, now)
    return asked.page(rows, AssignmentAnswer, lambda row: AssignmentAnswer.of(row, today))


@router.get("/licences", dependencies=[allow(me.list_my_licences)])
def my_licences(asked: AskedList, now: Now) -> Listing[LicenceAnswer]:
    """The licences of the caller's party, the newest first. Empty for a member who represents no party."""
    rows = me.list_my_licences(asked.db, asked.caller, now)
    return asked.page(rows, LicenceAnswer, lambda row: LicenceAnswer.of(row, now))
