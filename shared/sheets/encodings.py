"""The encoding of a text that does not say it: by rule where a rule decides, and otherwise guessed.

UTF-8 is known by its bytes. What is not UTF-8 is Windows-1252 unless it reads oddly so: a symbol inside a word, a
capital after a small letter, a byte that means nothing, words without any letter of ASCII. Only then chardet is asked,
with the whole text, and believed if what it says reads less oddly. Asked always, it takes files with few accents for
Windows-1257 or cp437.
"""

import re
from itertools import pairwise

import chardet

from shared.sheets.cells import lost_in

_WESTERN = ("windows-1252", "cp1252", "iso-8859-1", "latin1", "latin-1")
_WORD = re.compile(r"[^\W\d_]+")
_SYMBOL = re.compile(r"(?<=[A-Za-z])[^\x00-\x7f\w\s\u00ad\u2010-\u2019\u201a-\u201f|]|[^\x00-\x7f\w\s]+(?=[a-z])")
_MOST_LOOKED_AT = 200_000
"""Characters in which oddities are counted."""


def decoded(body: bytes, charset: str | None = None) -> tuple[str, str]:
    """Returns the text and the name of its encoding. A byte that is none of it becomes a lone surrogate or U+FFFD.

    charset: as the sender states it; None: unknown. A text whose characters beyond ASCII are mostly good UTF-8 is UTF-8
    with bad bytes.
    """
    if body.startswith(b"\xef\xbb\xbf"):
        return body[3:].decode("utf-8", "surrogateescape"), "utf-8"
    if body.startswith((b"\xff\xfe", b"\xfe\xff")):
        return body.decode("utf-16", "replace"), "utf-16"
    if charset and charset.lower() in _WESTERN:
        return body.decode("cp1252", "surrogateescape"), "windows-1252"
    for encoding, zeros, letters in (("utf-16-le", body[1::2], body[::2]), ("utf-16-be", body[::2], body[1::2])):
        if zeros.count(0) * 2 > len(zeros) and letters.count(0) * 2 < len(letters):
            return body.decode(encoding, "replace"), encoding
    text = body.decode("utf-8", "surrogateescape")
    bad = lost_in(text)
    good = len(text) - len(text.encode("ascii", "ignore")) - bad if bad else 0
    if bad > good and not charset:
        return _guessed(body)
    return text, "utf-8"


def _guessed(body: bytes) -> tuple[str, str]:
    western = body.decode("cp1252", "surrogateescape")
    odd = _oddities(western)
    guess = chardet.detect(body).get("encoding") if odd else None
    if guess and guess.lower() not in (*_WESTERN, "utf-8", "ascii"):
        try:
            text = body.decode(guess)
        except (LookupError, UnicodeDecodeError):
            return western, "windows-1252"
        if _oddities(text) * 2 <= odd:
            return text, guess.lower()
    return western, "windows-1252"


def _oddities(text: str) -> int:
    """Returns the number of places that no person would have written so."""
    looked_at = text[:_MOST_LOOKED_AT]
    odd = lost_in(looked_at) + len(_SYMBOL.findall(looked_at))
    for word in _WORD.findall(looked_at):
        if not word.isascii():
            odd += sum(a.islower() and b.isupper() and not b.isascii() for a, b in pairwise(word))
            odd += len(word) > 3 and all("\x7f" < letter < "\u0250" for letter in word)
    return odd
