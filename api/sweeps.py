"""The expiry sweep at the front desk: its runs, and asking for one now."""

from fastapi import BackgroundTasks, status

from api.dependencies import DEFAULT_LIMIT, CurrentCaller, CurrentService, Cursor, Db, Limit, Now, allow
from api.routing import Router
from shared import licences
from shared.access import Permission
from shared.licences import SweepAnswer
from shared.pagination import page
from shared.wire import Listing

router = Router("/v1/sweeps", "licences")

SweepsListing = Listing[SweepAnswer]


@router.get("", dependencies=[allow(Permission.VIEW, Permission.ADMIN)])
def list_sweeps(db: Db, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None) -> SweepsListing:
    """Runs over the caller's organization, the newest first, with what they told of and how late they were."""
    found = page(db, licences.sweeps(db), limit=limit, cursor=cursor)
    return SweepsListing(items=[SweepAnswer.of(sweep) for sweep in found.items], next_cursor=found.next_cursor)


@router.post("", status_code=status.HTTP_202_ACCEPTED, dependencies=[allow(Permission.ADMIN)])
def ask(db: Db, caller: CurrentCaller, service: CurrentService, now: Now, after: BackgroundTasks) -> SweepAnswer:
    """Sweep the caller's organization now. It is woken once the answer is out, and by the next tick if that is lost."""
    sweep = licences.ask_sweep(db, caller.actor, now)
    after.add_task(service.broker.send, "licences.sweep_organization", caller.org_id)
    return SweepAnswer.of(sweep)
