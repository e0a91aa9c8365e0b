"""Words and numbers as people read them. One place, so that pages and mails write them alike."""

from datetime import date


def day_in_words(day: date) -> str:
    """A day written out, such as "6 July 2026": 06/07 is June to some readers and July to others."""
    return f"{day.day} {day:%B %Y}"
