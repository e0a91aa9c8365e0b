"""Licences: the list, the page of one with why it has its dates, its certificate, and correcting and revoking it."""

import uuid
from typing import Any

from fastapi import Request, Response
from fastapi.responses import RedirectResponse

from api.console.bulk import ON_LICENCES
from api.console.certificates import as_pdf, link_page, shown
from api.console.columns import Column
from api.console.editing import cleared, expected, filled, instants, local_time, unchanged
from api.console.forms import CurrentForm, Form
from api.console.frame import ConsoleRouter, CurrentFrame, form_of
from api.console.history import told
from api.console.listing import Filter, ListPage, choices_of, list_page
from api.http.dependencies import CurrentCaller, CurrentParts, Db, Now, allow
from api.http.filtering import LicenceFilters, LicenceSort
from api.http.lists import AskedList
from shared.licences import CertificateLinks, LicenceAnswer, LicenceChanges, LicenceState, RevocationRequest, Sort
from shared.services import certificates, licence_details, licences, overview, verification
from shared.texts import N_

router = ConsoleRouter()

STATES = {
    "active": N_("In force"),
    "expired": N_("Ended"),
    "revoked": N_("Revoked"),
    "superseded": N_("Superseded"),
}
SORTS = {"newest": N_("Newest first"), "expiry": N_("By end")}


class Listed(LicenceAnswer):
    """A licence with the title that the version had when it was published."""

    course_title: str | None


PAGE = ListPage(
    title=N_("Licences"),
    template="licences.html",
    address="/licences",
    model=LicenceAnswer,
    called=lambda item: item.party.display_name or item.party.entity_id,
    columns=(
        Column("person", N_("Person")),
        Column("id", N_("Id"), usual=False),
        Column("course", N_("Course")),
        Column("code", N_("Code"), usual=False),
        Column("granted", N_("Granted"), "wide", zoned=True, usual=False),
        Column("begins", N_("Begins"), "wide", zoned=True),
        Column("ends", N_("Ends"), "later", zoned=True),
        Column("state", N_("State")),
    ),
    filters=(
        Filter("courseId", N_("Course"), "choice", offered=0),
        Filter("folderId", N_("Folder"), "choice", offered=1),
        Filter("state", N_("State"), "choice", choices_of(LicenceState, STATES)),
        Filter("expiresAfter", N_("Ends from"), "day"),
        Filter("expiresBefore", N_("Ends before"), "day"),
        Filter("sort", N_("Order"), "order", choices_of(Sort, SORTS)),
        Filter("partyId", N_("Person"), "hidden"),
        Filter("sessionId", N_("Session"), "hidden"),
        Filter("courseVersionId", N_("Version"), "hidden"),
    ),
)


@router.list_of("/licences", licences.list_licences)
def show_list(
    request: Request,
    frame: CurrentFrame,
    asked: AskedList,
    filters: LicenceFilters,
    sort: LicenceSort = Sort.NEWEST,
) -> Response:
    """The list, or all of it as a file."""
    db, caller = asked.db, asked.caller
    rows = licences.list_licences(db, caller, filters, sort, titled=True)

    def answer(row: Any) -> Listed:
        return Listed(**dict(LicenceAnswer.of(row, filters.now)), course_title=row.course_title)

    offered = overview.course_choices(db, caller), overview.folder_choices(db, caller)
    return list_page(frame, request, asked, PAGE, rows, answer, *offered, acts=ON_LICENCES.allowed(frame))


@router.get("/licences/{licence_id}", dependencies=[allow(licence_details.get_licence_details)])
def show(
    licence_id: uuid.UUID, frame: CurrentFrame, form: CurrentForm, db: Db, caller: CurrentCaller, now: Now
) -> Response:
    """The page of one licence."""
    found = licence_details.get_licence_details(db, caller, licence_id, now)
    history = told(found.history, frame.words)
    return frame.page("licence.html", found=found, licence=found.licence, form=form, history=history)


@router.get("/licences/{licence_id}/certificate", dependencies=[allow(verification.get_certificate)])
def show_certificate(
    licence_id: uuid.UUID, frame: CurrentFrame, db: Db, caller: CurrentCaller, parts: CurrentParts, now: Now
) -> Response:
    """The certificate, a page to print on A4."""
    found = verification.get_certificate(db, caller, licence_id, parts.settings, now)
    return frame.page("certificate.html", **shown(found) | {"pdf_address": f"/licences/{licence_id}/certificate.pdf"})


@router.get(
    "/licences/{licence_id}/certificate.pdf",
    dependencies=[allow(verification.get_certificate)],
    response_class=Response,
)
def send_certificate(licence_id: uuid.UUID, db: Db, caller: CurrentCaller, parts: CurrentParts, now: Now) -> Response:
    """The same as PDF."""
    return as_pdf(verification.get_certificate(db, caller, licence_id, parts.settings, now), parts)


@router.post(
    "/licences/{licence_id}/certificate-link",
    dependencies=[allow(certificates.mint_certificate_link), form_of("/licences/{licence_id}")],
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
    """Make a link with which anybody sees the certificate, and show it, once."""
    links = CertificateLinks(parts.settings)
    minted = certificates.mint_certificate_link(db, caller, licence_id, links, now)
    return link_page(frame, minted, back=f"/licences/{licence_id}")


@router.get("/licences/{licence_id}/correct", dependencies=[allow(licence_details.get_licence_to_correct)])
def show_correction(
    licence_id: uuid.UUID, frame: CurrentFrame, form: CurrentForm, db: Db, caller: CurrentCaller, now: Now
) -> Response:
    """The form that corrects a licence, with its present dates."""
    row = licence_details.get_licence_to_correct(db, caller, licence_id)
    licence, zone = row[0], row.time_zone
    present = {
        "validFrom": local_time(licence.begins_at, zone),
        "expiresAt": local_time(licence.expires_at, zone),
        "note": licence.note,
    }
    answer = LicenceAnswer.of(row, now)
    seen = {"was": present, "revision": licence.revision, "zone": zone}
    return frame.page("licence_correct.html", form=filled(form, present), licence=answer, **seen)


@router.post("/licences/{licence_id}/correct", dependencies=[allow(licences.correct_licence)])
def correct(licence_id: uuid.UUID, form: CurrentForm, db: Db, caller: CurrentCaller, now: Now) -> Response:
    """Correct the dates or the note of a licence. A field that nobody touched is not mentioned."""
    zone = licences.get_licence(db, caller, licence_id).time_zone
    body = _touched(form, zone)
    licences.correct_licence(db, caller, licence_id, body, expected(form), now)
    return _to(licence_id)


@router.post(
    "/licences/{licence_id}/revoke",
    dependencies=[allow(licences.revoke_licence), form_of("/licences/{licence_id}")],
)
def revoke(licence_id: uuid.UUID, form: CurrentForm, db: Db, caller: CurrentCaller, now: Now) -> Response:
    """Revoke a licence for good."""
    reason = form.read(RevocationRequest).reason
    licences.revoke_licence(db, caller, licence_id, reason, expected(form), now)
    return _to(licence_id)


def _touched(form: Form, zone: str) -> LicenceChanges:
    touched = [name for name in ("validFrom", "expiresAt", "note") if not unchanged(form, name)]
    given: dict[str, Any] = {**cleared(form, touched)}
    given |= instants(form, [name for name in touched if name != "note"], zone)
    kept = {name: values for name, values in form.values.items() if name in {*touched, "reason"}}
    return Form(kept).read(LicenceChanges, **given)


def _to(licence_id: uuid.UUID) -> RedirectResponse:
    return RedirectResponse(f"/licences/{licence_id}", 303)
