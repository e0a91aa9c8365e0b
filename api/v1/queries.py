"""Query parameters that several nouns share."""

import re

from shared.errors import Fault, InvalidInput

_EVENT_TYPE = re.compile(r"[a-z_]+\.[a-z_]+")


def event_types(listed: str | None) -> list[str]:
    """Return the event types of a parameter `types`, which are separated by commas. Raises InvalidInput."""
    wanted = [name.strip() for name in listed.split(",")] if listed is not None else []
    if not all(_EVENT_TYPE.fullmatch(name) for name in wanted):
        raise InvalidInput(Fault("?types", "List event types separated by commas, such as assignment.created."))
    return wanted
