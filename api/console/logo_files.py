"""A file that a form sends with its fields (`multipart/form-data`), read whole: the body is bounded already.

The standard library reads the parts; Starlette would need a further package for that.
"""

from dataclasses import dataclass
from email.message import Message
from email.parser import BytesHeaderParser
from typing import Annotated

from fastapi import Depends, Request

from api.http.problems import UnsupportedForm

MULTIPART = "multipart/form-data"
MOST_PARTS = 100


@dataclass(frozen=True)
class Upload:
    """A form with files. files: the content by the name of the field; an empty one if none was chosen."""

    fields: dict[str, list[str]]
    files: dict[str, bytes]


def parts_of(body: bytes, boundary: bytes) -> list[tuple[Message, bytes]]:
    """Return the head and the content of each part. Raises UnsupportedForm."""
    pieces = (b"\r\n" + body).split(b"\r\n--" + boundary)
    if len(pieces) < 2 or len(pieces) > MOST_PARTS + 2 or not pieces[-1].startswith(b"--"):
        raise UnsupportedForm("The form was not sent whole; send it again.")
    found = []
    for piece in pieces[1:-1]:
        head, between, content = piece.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        if not between:
            raise UnsupportedForm("The form has a part without a head; send it again.")
        found.append((BytesHeaderParser().parsebytes(head + b"\r\n\r\n"), content))
    return found


async def _upload(request: Request) -> Upload:
    stated = Message()
    stated["content-type"] = request.headers.get("content-type") or "none/none"
    boundary = stated.get_boundary()
    if stated.get_content_type() != MULTIPART or not boundary or len(boundary) > 70 or not boundary.isascii():
        raise UnsupportedForm("Send the form of the page.")
    upload = Upload({}, {})
    for head, content in parts_of(await request.body(), boundary.encode()):
        name = str(head.get_param("name", "", "content-disposition"))
        if head.get_param("filename", None, "content-disposition") is None:
            upload.fields.setdefault(name, []).append(content.decode(errors="replace").replace("\0", ""))
        else:
            upload.files[name] = content
    request.state.sent_form = upload.fields
    return upload


CurrentUpload = Annotated[Upload, Depends(_upload)]
"""Declare it before `Db`, so that the body is read before a transaction begins."""
