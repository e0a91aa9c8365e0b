"""The parts of a form with files (`multipart/form-data`), of a body that was read whole: its size is bounded already.

The standard library reads the heads. Starlette would need a further package for the parts, and writes files to a
temporary folder.
"""

from email.message import Message
from email.parser import BytesHeaderParser

from api.http.problems import UnsupportedForm

MULTIPART = "multipart/form-data"
MOST_PARTS = 100


def parts_of(content_type: str, body: bytes) -> list[tuple[Message, bytes]]:
    """Return the head and the content of each part. Raises UnsupportedForm."""
    pieces = (b"\r\n" + body).split(b"\r\n--" + _boundary(content_type))
    if len(pieces) < 2 or len(pieces) > MOST_PARTS + 2 or not pieces[-1].startswith(b"--"):
        raise UnsupportedForm("The form was not sent whole; send it again.")
    found = []
    for piece in pieces[1:-1]:
        head, between, content = piece.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        if not between:
            raise UnsupportedForm("The form has a part without a head; send it again.")
        found.append((BytesHeaderParser().parsebytes(head + b"\r\n\r\n"), content))
    return found


def name_of(head: Message) -> str:
    """Return the name of the field of a part."""
    return str(head.get_param("name", "", "content-disposition"))


def _boundary(content_type: str) -> bytes:
    stated = Message()
    stated["content-type"] = content_type or "none/none"
    boundary = stated.get_boundary()
    if stated.get_content_type() != MULTIPART or not boundary or len(boundary) > 70 or not boundary.isascii():
        raise UnsupportedForm("Send the form of the page.")
    return boundary.encode()
