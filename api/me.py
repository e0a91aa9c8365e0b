"""What the caller has to do as the party that it represents: no permission is needed to see what one owes oneself."""

from api.assignments import AssignmentsListing
from api.dependencies import DEFAULT_LIMIT, CurrentCaller, Cursor, Db, Limit, Now, Today, allow
from api.licences import LicencesListing
from api.routing import Router
from shared import assignments, licences
from shared.assignments import AssignmentAnswer
from shared.licences import Filters, LicenceAnswer
from shared.pagination import page

router = Router("/v1/me", "organization")


@router.get("/assignments", dependencies=[allow()])
def my_assignments(
    db: Db, caller: CurrentCaller, today: Today, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
) -> AssignmentsListing:
    """What the caller's party must complete, by due date, then what it has completed.

    A member who represents no party (`GET /v1/me` tells) owes nothing: the list is empty.
    """
    if caller.party_id is None:
        return AssignmentsListing(items=[], next_cursor=None)
    found = page(db, assignments.personal(db, caller.party_id, today), limit=limit, cursor=cursor)
    return AssignmentsListing(
        items=[AssignmentAnswer.of(row, today) for row in found.items], next_cursor=found.next_cursor
    )


@router.get("/licences", dependencies=[allow()])
def my_licences(
    db: Db, caller: CurrentCaller, now: Now, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
) -> LicencesListing:
    """The licences of the caller's party, the newest first. A member who represents no party holds none."""
    if caller.party_id is None:
        return LicencesListing(items=[], next_cursor=None)
    held = licences.listed(db, Filters(now, party_id=caller.party_id), None)
    found = page(db, held, limit=limit, cursor=cursor)
    return LicencesListing(items=[LicenceAnswer.of(row, now) for row in found.items], next_cursor=found.next_cursor)
