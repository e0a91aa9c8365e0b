"""The organization's settings: when a second person decides, the language, and the switch of training."""

from typing import Any

from fastapi import Response
from fastapi.responses import RedirectResponse

from api.console.forms import CurrentForm, Form
from api.console.frame import ConsoleRouter, CurrentFrame, form_of
from api.http.dependencies import CurrentCaller, CurrentParts, Db, Now, allow
from shared.access import Organization, SettingsChange
from shared.services import organizations
from shared.texts import LOCALES

router = ConsoleRouter("/settings")

_NAMES = {"en": "English", "nb": "Norsk bokmål"}
"""Languages in their own words, as a person who looks for one reads them."""


@router.get("", dependencies=[allow(organizations.get_settings)])
def show(frame: CurrentFrame, form: CurrentForm, db: Db, caller: CurrentCaller, parts: CurrentParts) -> Response:
    """The settings; a form for a caller who may change them."""
    organization, reason = organizations.get_availability(db, caller, parts.settings.features)
    typed = form if form.sent else Form(_values(organizations.get_settings(db, caller)))
    languages = [(tag, _NAMES.get(tag, tag)) for tag in LOCALES]
    return frame.page("settings.html", form=typed, organization=organization, unavailable=reason, languages=languages)


@router.post("", dependencies=[allow(organizations.change_settings)])
def change(form: CurrentForm, db: Db, caller: CurrentCaller, now: Now) -> RedirectResponse:
    """Change the settings. An empty field clears."""
    limit = form.text("changeLimit").strip()
    given: dict[str, Any] = {
        "changeLimit": int(limit) if limit.isdecimal() else limit or None,
        "language": form.text("language") or None,
    }
    organizations.change_settings(db, caller, form.read(SettingsChange, **given), now)
    return RedirectResponse("/settings", 303)


@router.post("/availability", dependencies=[allow(organizations.change_availability), form_of("/settings")])
def switch(form: CurrentForm, db: Db, caller: CurrentCaller, parts: CurrentParts, now: Now) -> RedirectResponse:
    """Enable or disable training for the organization."""
    enabled = form.text("enabled") == "true"
    organizations.change_availability(db, caller, enabled, parts.settings.features, now)
    return RedirectResponse("/settings", 303)


def _values(organization: Organization) -> dict[str, list[str]]:
    limit = organization.change_limit
    return {"changeLimit": ["" if limit is None else str(limit)], "language": [organization.language or ""]}
