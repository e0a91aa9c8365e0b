"""A person's own sign-ins, each of which can be ended: also one on a machine that is far away."""

import uuid

from fastapi import Response
from fastapi.responses import RedirectResponse

from api.console.frame import ConsoleRouter, CurrentFrame
from api.console.visits import CurrentVisit
from api.http.dependencies import CurrentCaller, Db, Now, allow
from shared.access import EndReason
from shared.services import sign_ins
from shared.texts import N_

router = ConsoleRouter("/me/sign-ins")

ENDED = {
    EndReason.SIGNED_OUT: N_("signed out"),
    EndReason.ENDED_BY_OWNER: N_("ended by you"),
    EndReason.LOGGED_OUT: N_("logged out at the identity provider"),
    EndReason.PARTY_ERASED: N_("the person was erased"),
    EndReason.MAPPING_CHANGED: N_("the rights of its groups changed"),
    EndReason.SIGNED_IN_AGAIN: N_("signed in again"),
}


@router.get("", dependencies=[allow(sign_ins.list_own)])
def show(frame: CurrentFrame, visit: CurrentVisit, db: Db, caller: CurrentCaller, now: Now) -> Response:
    """The list, the newest first."""
    rows = sign_ins.list_own(db, caller)
    ended = {one.id: ENDED[EndReason(one.end_reason)] for one in rows if one.end_reason}
    return frame.page("sign_ins.html", rows=rows, ended=ended, own=visit.sign_in_id, now=now)


@router.post("/{sign_in_id}/end", dependencies=[allow(sign_ins.end_own)])
def end(sign_in_id: uuid.UUID, db: Db, caller: CurrentCaller, now: Now) -> Response:
    """End one of them. A page of the one that is ended leads to signing in again."""
    sign_ins.end_own(db, caller, sign_in_id, EndReason.ENDED_BY_OWNER, now)
    return RedirectResponse("/me/sign-ins", 303)
