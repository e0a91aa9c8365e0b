"""The look of certificates: a form, the logo, and a certificate with made-up facts to look at."""

import base64
from typing import Any

from fastapi import Response
from fastapi.responses import RedirectResponse
from markupsafe import Markup

from api.console.forms import CurrentForm, Form
from api.console.frame import ConsoleRouter, CurrentFrame, form_of
from api.console.logo_files import CurrentUpload
from api.http.dependencies import CurrentCaller, CurrentParts, Db, Now, allow
from shared.licences import Look, LookChange
from shared.services import certificates

ADDRESS = "/settings/certificate"
router = ConsoleRouter(ADDRESS)

_TEXTS, _TICKS = ("signatoryName", "signatoryTitle"), ("showTrainingDate", "showHolderNumber")


@router.get("", dependencies=[allow(certificates.get_look)])
def show(frame: CurrentFrame, form: CurrentForm, db: Db, caller: CurrentCaller) -> Response:
    """The look of certificates; a form for a caller who may change it."""
    look = certificates.get_look(db, caller)
    typed = form if form.sent and set(form.values) & {*_TEXTS, "look"} else Form(_values(look), form.problem)
    logo = None if look.logo is None else f"data:image/png;base64,{base64.b64encode(look.logo).decode()}"
    return frame.page("certificate_settings.html", form=typed, look=look, logo=logo)


@router.post("", dependencies=[allow(certificates.change_look)])
def change(form: CurrentForm, db: Db, caller: CurrentCaller, now: Now) -> RedirectResponse:
    """Change it. An empty field clears."""
    given: dict[str, Any] = {name: form.text(name).strip() or None for name in _TEXTS}
    given |= {name: form.checked(name) for name in _TICKS}
    certificates.change_look(db, caller, Form().read(LookChange, **given), now)
    return RedirectResponse(ADDRESS, 303)


@router.post("/logo", dependencies=[allow(certificates.set_logo), form_of(ADDRESS)])
def set_logo(upload: CurrentUpload, db: Db, caller: CurrentCaller, now: Now) -> RedirectResponse:
    """Show another logo."""
    certificates.set_logo(db, caller, upload.files.get("logo", b""), now)
    return RedirectResponse(ADDRESS, 303)


@router.post("/logo/remove", dependencies=[allow(certificates.clear_logo), form_of(ADDRESS)])
def clear_logo(_: CurrentForm, db: Db, caller: CurrentCaller, now: Now) -> RedirectResponse:
    """Show no logo any more."""
    certificates.clear_logo(db, caller, now)
    return RedirectResponse(ADDRESS, 303)


@router.get("/preview", dependencies=[allow(certificates.preview_look)])
def show_preview(frame: CurrentFrame, db: Db, caller: CurrentCaller, parts: CurrentParts, now: Now) -> Response:
    """A certificate with made-up facts, as it would look."""
    sheet = certificates.preview_look(db, caller, parts.settings, now)
    return frame.page("certificate_preview.html", sheet=sheet, qr=Markup(sheet.qr))  # noqa: S704 - made by segno


def _values(look: Look) -> dict[str, list[str]]:
    values = {"signatoryName": [look.signatory_name or ""], "signatoryTitle": [look.signatory_title or ""]}
    ticked = {"showTrainingDate": look.show_training_date, "showHolderNumber": look.show_holder_number}
    return values | {"look": ["true"]} | {name: ["true"] for name, on in ticked.items() if on}
