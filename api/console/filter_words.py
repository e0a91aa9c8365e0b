"""The values of filters in the reader's language: names for ids, and days as days are written."""

from datetime import date, datetime

from api.console.history import name_of
from api.console.job_titles import KINDS
from shared.services.naming import Names
from shared.services.views import NAMED
from shared.texts import reader

INSTANTS = ("since", "until")
"""Filters that only links set, whose values are instants."""


def value_in_words(name: str, value: str, names: Names, is_day: bool = False) -> str:
    """Return the value of a filter that is not one of a few choices. is_day: it is a day or an instant.

    names: of the subjects that `views.NAMED` says, and of folders. What has no name stays as it is.
    """
    if name == "types":
        return name_of(value)
    if name == "jobId":
        return reader().text(KINDS.get(names.get(f"job/{value}", ""), value))
    if is_day or name in INSTANTS:
        return _time_in_words(value)
    return names.get(f"{'folder' if name == 'folderId' else NAMED.get(name)}/{value}", value)


def _time_in_words(value: str) -> str:
    try:
        return reader().day(date.fromisoformat(value))
    except ValueError:
        pass
    try:
        at = datetime.fromisoformat(value)
    except ValueError:
        return value
    return reader().moment(at) if at.tzinfo else value
