"""MIME: writes a mail as bytes.

Why not `email.message.EmailMessage`: writing one mail with it took 2.3 ms of processor time, more than everything else
that a mail costs the sender (0.9 ms; docs/decisions/0015). `email.header` still encodes what is not ASCII.

Header values must be single lines (`words.single_line`); a header with a line break is refused.
"""

import base64
import secrets
from collections.abc import Mapping, Sequence
from email.header import Header

LONGEST_LINE = 76


def headed(headers: Mapping[str, str], body: bytes) -> bytes:
    """A complete mail. body: made by `text` or `multipart`."""
    return b"".join(_header(name, value) for name, value in headers.items()) + body


def text(content: str, subtype: str, *, parameters: str = "", disposition: str = "") -> bytes:
    """A text part. Sent as 7bit when possible, so that links stay on one line; the limit of a line is 998 bytes.

    parameters: further parameters of the content type, beginning with a semicolon.
    """
    as_it_is = content.isascii() and max(map(len, content.split("\n"))) < 990
    charset, encoding = ("us-ascii", "7bit") if as_it_is else ("utf-8", "base64")
    lines = content.encode() if as_it_is else base64.encodebytes(content.encode())
    head = f'Content-Type: text/{subtype}; charset="{charset}"{parameters}\nContent-Transfer-Encoding: {encoding}\n'
    if disposition:
        head += f"Content-Disposition: {disposition}\n"
    return (head.encode() + b"\n" + lines).replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def multipart(subtype: str, parts: Sequence[bytes]) -> bytes:
    """A part that contains other parts. The boundary is random, so that no text can contain it."""
    boundary = f"=_{secrets.token_hex(16)}"
    head = f'Content-Type: multipart/{subtype};\r\n boundary="{boundary}"\r\n\r\n'.encode()
    between = f"--{boundary}\r\n".encode()
    return head + b"".join(between + part + b"\r\n" for part in parts) + f"--{boundary}--\r\n".encode()


def encoded(content: str, name: str) -> str:
    """Text that is not ASCII, encoded for a header. name: of the header."""
    return Header(content, "utf-8", header_name=name).encode()


def _header(name: str, value: str) -> bytes:
    if len(name) + len(value) + 2 > LONGEST_LINE or "\n" in value:
        value = Header(value, header_name=name).encode(linesep="\r\n")
    if "\n" in value.replace("\r\n ", "").replace("\r\n\t", "") or "\r" in value.replace("\r\n", ""):
        raise ValueError(f"a line break in {name}")
    return f"{name}: {value}\r\n".encode("ascii")
