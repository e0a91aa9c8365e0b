"""The `Accept` header: a list as CSV, for callers who prefer it to JSON.

Starlette has no parser of it; the standard library parses one media type with its parameters.
"""

from email.message import Message

from fastapi import Request

CSV = "text/csv"


def wanted(request: Request) -> dict[str, Message]:
    """Return the media types that the caller accepts, with their parameters. Those with `q=0` are left out."""
    found: dict[str, Message] = {}
    if "accept" not in request.headers:
        return found
    for part in request.headers.get("accept", "").split(","):
        media = Message()
        media["content-type"] = part.strip() or "*/*"
        if _quality(media):
            found[media.get_content_type()] = media
    return found


def prefers_csv(request: Request) -> bool:
    """True if the caller accepts CSV, and JSON no more than that."""
    media = wanted(request)
    if CSV not in media:
        return False
    return "application/json" not in media or _quality(media[CSV]) >= _quality(media["application/json"])


def wants_bom(request: Request) -> bool:
    """True for `text/csv; header=bom`: Excel takes a CSV file for UTF-8 only by its byte order mark."""
    media = wanted(request).get(CSV)
    return media is not None and str(media.get_param("header", "")).lower() == "bom"


def _quality(media: Message) -> float:
    try:
        return float(str(media.get_param("q", "1")))
    except ValueError:
        return 0.0
