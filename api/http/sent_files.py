"""A table that a form sends as a file: the body is parsed and the file opened before a transaction begins."""

from typing import Annotated

from fastapi import Depends, Request

from api.http.multipart import name_of, parts_of
from api.http.problems import UnsupportedForm
from shared.errors import Fault, InvalidInput
from shared.sheets import NotReadable, Opened, open_file

NO_FILE = "Choose a file: CSV as a spreadsheet program saves it, or a workbook (.xlsx)."

KINDS = (
    (b"%PDF", "a PDF"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"GIF8", "a picture"),
    (b"{\\rtf", "a text of a word processor"),
    (b"<", "a page or a document in XML"),
    (b"{", "JSON, which the API takes"),
    (b"BEGIN:V", "a calendar or an address book"),
)
"""The kinds of file that people choose by mistake, each by its first bytes."""


async def _bytes(request: Request) -> bytes:
    request.state.sent_form = {}
    return await request.body()


def _opened(request: Request, body: Annotated[bytes, Depends(_bytes)]) -> Opened:
    content = file_in(request.headers.get("content-type", ""), body)
    if not content.strip():
        raise InvalidInput(Fault("/file", NO_FILE))
    for beginning, called in KINDS:
        if content.lstrip(b"\xef\xbb\xbf \r\n\t").startswith(beginning):
            raise InvalidInput(Fault("/file", f"This file is {called}, not a table. {NO_FILE}"))
    try:
        return open_file(content)
    except NotReadable as error:
        raise InvalidInput(Fault("/file", str(error))) from None


SentFile = Annotated[Opened, Depends(_opened)]
"""The file of the form. Declare it before `Db`. Raises InvalidInput at `/file`."""


def file_in(content_type: str, body: bytes) -> bytes:
    """Return the content of the field `file` of a form, empty if there is none."""
    try:
        parts = parts_of(content_type, body)
    except UnsupportedForm:
        return b""
    return next((content for head, content in parts if name_of(head) == "file"), b"")
