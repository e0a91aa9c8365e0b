"""The expiry sweep: list its runs, and request one now."""

from functools import partial

from fastapi import BackgroundTasks, status

from api.http.dependencies import CurrentCaller, CurrentParts, Db, Now, allow
from api.http.routing import Router
from api.v1.lists import AskedList
from shared.licences import SweepAnswer
from shared.services import sweeps
from shared.wire import Listing

router = Router("/v1/sweeps", "licences")


@router.get("", dependencies=[allow(sweeps.list_sweeps)])
def list_sweeps(asked: AskedList) -> Listing[SweepAnswer]:
    """The runs over the caller's organization, the newest first; without counts for a caller limited to folders."""
    answer = partial(SweepAnswer.of, limited=asked.caller.folders is not None)
    return asked.page(sweeps.list_sweeps(asked.db, asked.caller), SweepAnswer, answer)


@router.post("", status_code=status.HTTP_202_ACCEPTED, dependencies=[allow(sweeps.ask_sweep)])
def ask(db: Db, caller: CurrentCaller, parts: CurrentParts, now: Now, after: BackgroundTasks) -> SweepAnswer:
    """Request a sweep of the caller's organization now. It begins after the answer."""
    sweep = sweeps.ask_sweep(db, caller, now)
    after.add_task(parts.broker.send, "licences.sweep_organization", caller.org_id)
    return SweepAnswer.of(sweep)
