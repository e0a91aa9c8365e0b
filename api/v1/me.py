"""What the caller has to do as the party that it represents: no permission is needed to see what one owes oneself."""

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
    """What the caller's party must complete, by due date, then what it has completed.

    A member who represents no party (`GET /v1/me` tells) owes nothing: the list is empty.
    """
    rows = me.list_my_assignments(asked.db, asked.caller, now)
    return asked.page(rows, AssignmentAnswer, lambda row: AssignmentAnswer.of(row, today))


@router.get("/licences", dependencies=[allow(me.list_my_licences)])
def my_licences(asked: AskedList, now: Now) -> Listing[LicenceAnswer]:
    """The licences of the caller's party, the newest first. A member who represents no party holds none."""
    rows = me.list_my_licences(asked.db, asked.caller, now)
    return asked.page(rows, LicenceAnswer, lambda row: LicenceAnswer.of(row, now))
