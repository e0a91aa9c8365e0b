"""Editing a thing in a form: its present values stand in the fields, and the request has what the fields can say.

A form is text. What the API takes as a number, an instant or null is made here of what was typed; what cannot be made
is left as it was typed, so that the API's own model names the fault.
"""

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import BaseModel

from api.console.forms import Form
from shared import clock
from shared.errors import Fault, InvalidInput
from shared.texts import N_

REVISION = "revision"
"""The hidden field with the revision of the thing that the form shows: its `If-Match`."""


def filled(form: Form, present: BaseModel | dict[str, Any]) -> Form:
    """Return a form with the present values of a thing, by their names in JSON, unless something was typed already."""
    if form.values:
        return form
    known = present.model_dump(mode="json", by_alias=True) if isinstance(present, BaseModel) else present
    return Form({name: [_written(value)] for name, value in known.items() if value is not False}, form.problem)


def _written(value: Any) -> str:
    if value is None:
        return ""
    return "true" if value is True else str(value)


def expected(form: Form) -> frozenset[int]:
    """Return the revision that the person has seen. A form without one is answered as one that is out of date."""
    text = form.text(REVISION)
    return frozenset({int(text)}) if text.isascii() and text.isdigit() else frozenset()


def cleared(form: Form, names: Iterable[str]) -> dict[str, None]:
    """Return null for each of these fields that was emptied."""
    return {name: None for name in names if name in form.values and not form.text(name).strip()}


def numbers(form: Form, names: Iterable[str]) -> dict[str, Any]:
    """Return the numbers in these fields. What is no number stays text."""
    typed = {name: form.text(name).strip() for name in names}
    return {name: int(text) if text.isascii() and text.isdigit() else text for name, text in typed.items() if text}


_BETWEEN_IDS = re.compile(r"[\s,;]+")


def pasted_ids(form: Form, name: str) -> list[str]:
    """Return the ids in a field, separated by blanks, commas or line breaks."""
    return [one for one in _BETWEEN_IDS.split(form.text(name)) if one]


def local_time(at: datetime, zone: str) -> str:
    """Return an instant as a field of type `datetime-local` writes it, in a zone."""
    return at.astimezone(ZoneInfo(zone)).strftime("%Y-%m-%dT%H:%M")


_NO_SUCH_TIME = N_("Clocks are put forward at that time, so the day has no such time.")


def instants(form: Form, names: Iterable[str], zone: str) -> dict[str, str]:
    """Return the instants in these fields, whose times are of a zone. Raises InvalidInput for a time that is skipped.

    Of a time that comes twice, when clocks are put back, it is the first.
    """
    typed = {name: form.text(name).strip() for name in names}
    return {name: _instant(name, text, zone) for name, text in typed.items() if text}


def _instant(name: str, text: str, zone: str) -> str:
    if zone not in clock.time_zones():
        zone = "UTC"  # so that the verb refuses the zone, and not the time
    try:
        local = datetime.fromisoformat(text)
        at = local.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        return text
    if local.tzinfo is None and at.astimezone(ZoneInfo(zone)).replace(tzinfo=None) != local:
        raise InvalidInput(Fault(f"/{name}", _NO_SUCH_TIME))
    return at.isoformat() if local.tzinfo is None else text


def unchanged(form: Form, *names: str) -> bool:
    """True if these fields still have what the page showed in them, as its hidden fields `was.<name>` say.

    A time in a field has no seconds: what nobody has touched must not be sent back as another instant.
    """
    return all(form.text(name) == form.text(f"was.{name}", "\0") for name in names)
