"""A warning when the API says that an operation will be removed: once for each operation of a process."""

import re
import sys
import warnings
from collections.abc import Mapping
from datetime import UTC, datetime

_warned: set[str] = set()


def warn(operation: str, headers: Mapping[str, str]) -> None:
    """Warn of an operation whose answer has `Deprecation` (RFC 9745), at the line that called the client."""
    since = headers.get("deprecation")
    if since is None or operation in _warned:
        return
    _warned.add(operation)
    parts = [f"{operation} is deprecated{_day(since)}"]
    if sunset := headers.get("sunset"):
        parts.append(f"it may be gone from {sunset} on")
    if link := re.search(r'<([^>]*)>[^<]*;\s*rel="?deprecation"?', headers.get("link", "")):
        parts.append(f"see {link[1]}")
    warnings.warn("; ".join(parts), DeprecationWarning, stacklevel=_levels())


def _day(since: str) -> str:
    """Return ` since 2027-01-01` of `@1798761600`; nothing for another form."""
    form = re.fullmatch(r"@(\d{1,11})", since)
    return f" since {datetime.fromtimestamp(int(form[1]), UTC):%Y-%m-%d}" if form else ""


def _levels() -> int:
    """Return the number of callers of `warn`, itself included, up to the first one outside of this package."""
    level, frame = 1, sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] == "rollcall_client":
        level, frame = level + 1, frame.f_back
    return level
