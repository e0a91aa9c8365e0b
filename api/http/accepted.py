"""The `Accept` header: a list as a file and a paper as PDF, for callers who prefer that.

Starlette has no parser of it; the standard library parses one media type with its parameters.
"""

from email.message import Message

from fastapi import Request, Response

CSV = "text/csv"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
FILES = (CSV, XLSX)
"""The media types of the files as which every list is answered."""
PDF = "application/pdf"


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


def preferred_file(request: Request) -> str | None:
    """Return the media type of the file that the caller prefers, None if it accepts none or prefers JSON."""
    media = wanted(request)
    best = max((one for one in media if one in FILES), key=lambda one: _quality(media[one]), default=None)
    if best is None or ("application/json" in media and _quality(media["application/json"]) > _quality(media[best])):
        return None
    return best


def accepts_only_files(request: Request) -> bool:
    """True if the caller accepts nothing but files of lists."""
    accepted = request.headers.get("accept", "").lower()
    if not any(one in accepted for one in FILES):  # nearly every request: parsing would take longer
        return False
    media = wanted(request).keys()
    return bool(media) and media <= set(FILES)


def prefers_pdf(request: Request) -> bool:
    """True if the caller accepts PDF, and no other form of the paper more than that."""
    media = wanted(request)
    others = max((_quality(one) for name, one in media.items() if name not in (PDF, "*/*")), default=0.0)
    return PDF in media and _quality(media[PDF]) >= others


def pdf_file(pdf: bytes, name: str) -> Response:
    """Return the answer that sends a PDF as a file. name: without its extension, and never a person's."""
    headers = {
        "Cache-Control": "no-store",
        "Content-Disposition": f'attachment; filename="{name}.pdf"',
        "X-Content-Type-Options": "nosniff",
    }
    return Response(pdf, media_type=PDF, headers=headers)


def wants_bom(request: Request) -> bool:
    """True for `text/csv; header=bom`: Excel takes a CSV file for UTF-8 only by its byte order mark."""
    media = wanted(request).get(CSV)
    return media is not None and str(media.get_param("header", "")).lower() == "bom"


def _quality(media: Message) -> float:
    try:
        return float(str(media.get_param("q", "1")))
    except ValueError:
        return 0.0
