"""My training: what the person who is signed in must do, with the materials, their sessions and their licences."""

import uuid

from fastapi import Response
from fastapi.responses import RedirectResponse

from api.console.certificates import link_page
from api.console.forms import CurrentForm
from api.console.frame import ConsoleRouter, CurrentFrame, form_of
from api.http.dependencies import CurrentCaller, CurrentParts, Db, Now, Today, allow
from shared.assignments import AssignmentAnswer, CompletionRequest
from shared.catalogue import Content
from shared.licences import CertificateLinks, LicenceAnswer
from shared.pagination import page
from shared.services import certificates, completions, me
from shared.sessions import OwnSession

router = ConsoleRouter("/me")

MOST = 100
"""Of each, so many are shown. A person has no more."""


@router.get("", dependencies=[allow(me.list_my_assignments)])
def show(frame: CurrentFrame, form: CurrentForm, db: Db, caller: CurrentCaller, today: Today, now: Now) -> Response:
    """The page. It says so to a member who represents nobody."""
    owed = me.list_my_assignments(db, caller, now)
    held, sessions = me.list_my_licences(db, caller, now), me.list_my_sessions(db, caller)
    if owed is None or held is None or sessions is None:
        return frame.page("me_nobody.html")
    assignments = [
        (AssignmentAnswer.of(row, today), Content.model_validate(row))
        for row in page(db, owed, limit=MOST, cursor=None).items
    ]
    licences = [
        (LicenceAnswer.of(row, now), Content.model_validate(row))
        for row in page(db, held, limit=MOST, cursor=None).items
    ]
    expected = [OwnSession.of(row) for row in page(db, sessions, limit=MOST, cursor=None).items]
    return frame.page("me.html", form=form, assignments=assignments, licences=licences, sessions=expected, now=now)


@router.post(
    "/assignments/{assignment_id}/complete", dependencies=[allow(completions.complete_assignment), form_of("/me")]
)
def complete(assignment_id: uuid.UUID, _: CurrentForm, db: Db, caller: CurrentCaller, now: Now) -> RedirectResponse:
    """Record that the person has done it."""
    completions.complete_assignment(db, caller, assignment_id, CompletionRequest(), None, now)
    return RedirectResponse("/me", 303)


@router.post(
    "/licences/{licence_id}/certificate-link",
    dependencies=[allow(certificates.mint_certificate_link), form_of("/me")],
)
def share(
    licence_id: uuid.UUID,
    frame: CurrentFrame,
    _: CurrentForm,
    db: Db,
    caller: CurrentCaller,
    parts: CurrentParts,
    now: Now,
) -> Response:
    """Make a link with which anybody sees a certificate of the person, and show it, once."""
    links = CertificateLinks(parts.settings)
    minted = certificates.mint_certificate_link(db, caller, licence_id, links, now)
    return link_page(frame, minted, back="/me")
