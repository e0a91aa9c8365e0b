"""Mails as bytes, by hand: the standard library's writer of mails would take most of the time that a mail takes.

Every text that comes here is one line already where it must be (`mail.line`); a header with a line break is refused.
"""

import base64
import secrets
from collections.abc import Mapping, Sequence
from email.header import Header

LONGEST_LINE = 76


def headed(headers: Mapping[str, str], body: bytes) -> bytes:
    """A whole mail: its headers, then what `text` or `multipart` made."""
    return b"".join(_header(name, value) for name, value in headers.items()) + body


def text(content: str, subtype: str, *, parameters: str = "", disposition: str = "") -> bytes:
    """One text. As it is where every server can carry it: then a link stays whole, also in the source; a line holds 998
    bytes. parameters: further ones of the type, beginning with a semicolon."""
    bare = content.isascii() and max(map(len, content.split("\n"))) < 990
    charset, encoding = ("us-ascii", "7bit") if bare else ("utf-8", "base64")
    lines = content.encode() if bare else base64.encodebytes(content.encode())
    head = f'Content-Type: text/{subtype}; charset="{charset}"{parameters}\nContent-Transfer-Encoding: {encoding}\n'
    if disposition:
        head += f"Content-Disposition: {disposition}\n"
    return (head.encode() + b"\n" + lines).replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def multipart(subtype: str, parts: Sequence[bytes]) -> bytes:
    """Several of them. What separates them is random, so that no text can contain it."""
    boundary = f"=_{secrets.token_hex(16)}"
    head = f'Content-Type: multipart/{subtype};\r\n boundary="{boundary}"\r\n\r\n'.encode()
    between = f"--{boundary}\r\n".encode()
    return head + b"".join(between + part + b"\r\n" for part in parts) + f"--{boundary}--\r\n".encode()


def encoded(content: str, name: str) -> str:
    """Words beyond ASCII as the header of that name holds them."""
    return Header(content, "utf-8", header_name=name).encode()


def _header(name: str, value: str) -> bytes:
    if len(name) + len(value) + 2 > LONGEST_LINE or "\n" in value:
        value = Header(value, header_name=name).encode(linesep="\r\n")
    if "\n" in value.replace("\r\n ", "").replace("\r\n\t", "") or "\r" in value.replace("\r\n", ""):
        raise ValueError(f"a line break in {name}")
    return f"{name}: {value}\r\n".encode("ascii")
