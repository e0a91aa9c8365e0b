"""A file that a form sends: the body is parsed and the file opened before a transaction begins.

Written by hand: a form here has one file and no text that matters, and the parsers of multipart bodies write files to
a temporary folder.
"""

import re
from typing import Annotated

from fastapi import Depends, Request

from shared.errors import Fault, InvalidInput
from shared.sheets import NotReadable, Opened, open_file

MULTIPART = re.compile(r'multipart/form-data\s*;.*?boundary="?([^";,\s]{1,70})"?', re.IGNORECASE | re.DOTALL)
_FILE = re.compile(rb'content-disposition:\s*form-data\s*;[^\r\n]*\bname="file"', re.IGNORECASE)

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
"""What people choose by mistake, by its first bytes."""


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
    found = MULTIPART.match(content_type)
    if found is None:
        return b""
    for part in (b"\r\n" + body).split(b"\r\n--" + found[1].encode("latin-1"))[1:]:
        head, _, content = part.partition(b"\r\n\r\n")
        if _FILE.search(head):
            return content
    return b""
