"""Words and numbers as people read them. One place, so that pages and mails write them alike."""

import re
from datetime import date


def day_in_words(day: date) -> str:
    """A day written out, such as "6 July 2026": 06/07 is June to some readers and July to others."""
    return f"{day.day} {day:%B %Y}"


def single_line(text: str) -> str:
    """A text on one line, without control characters: a line break in a name must not begin another header."""
    return _GAPS.sub(" ", text).strip()


_GAPS = re.compile(r"[\s\x00-\x1f\x7f-\x9f\u2028\u2029]+")
