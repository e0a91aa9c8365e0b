"""The expiry sweep: list its runs, read one, and request one now."""

import uuid
from functools import partial

from fastapi import BackgroundTasks, Response, status

from api.http.dependencies import CurrentCaller, CurrentParts, Db, Now, allow
from api.http.lists import AskedList
from api.http.once import ONCE, again
from api.http.routing import Router
from shared.licences import SweepAnswer
from shared.services import sweeps
from shared.wire import Listing

router = Router("/v1/sweeps", "licences")


@router.get("", dependencies=[allow(sweeps.list_sweeps)])
def list_sweeps(asked: AskedList) -> Listing[SweepAnswer]:
    """The runs over the caller's organization, the newest first; without counts for a caller limited to folders."""
    answer = partial(SweepAnswer.of, limited=asked.caller.folders is not None)
    return asked.page(sweeps.list_sweeps(asked.db, asked.caller), SweepAnswer, answer)


@router.get("/{sweep_id}", dependencies=[allow(sweeps.get_sweep)])
def read_sweep(sweep_id: uuid.UUID, db: Db, caller: CurrentCaller) -> SweepAnswer:
    """One run over the caller's organization; without counts for a caller limited to folders."""
    return SweepAnswer.of(sweeps.get_sweep(db, caller, sweep_id), limited=caller.folders is not None)


@router.post(
    "",
    status_code=status.HTTP_202_ACCEPTED,
    responses=again(SweepAnswer),
    dependencies=[allow(sweeps.ask_sweep), ONCE],
)
def start_sweep(
    db: Db, caller: CurrentCaller, parts: CurrentParts, now: Now, after: BackgroundTasks, response: Response
) -> SweepAnswer:
    """Request a sweep of the caller's organization now. It begins after the answer."""
    sweep = sweeps.ask_sweep(db, caller, now)
    response.headers["Location"] = f"/v1/sweeps/{sweep.id}"
    after.add_task(parts.broker.send, "licences.sweep_organization", caller.org_id)
    return SweepAnswer.of(sweep)
