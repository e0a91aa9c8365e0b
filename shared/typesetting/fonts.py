"""The fonts of papers, and which letters they have.

The letters are read from the fonts' `cmap` tables. fontTools, which reads all of a font, was weighed: 5 MB for this.
"""

import struct
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from babel import Locale

from shared.texts import N_, Words

PACKAGES = ("fontpkg_noto_sans", "fontpkg_noto_sans_arabic")
"""Latin with all its accents, Greek, Cyrillic; and Arabic."""

MISSING = "\u25cc"
"""Drawn for a letter that no font has, as fonts draw an accent without a letter."""

SYMBOLS = N_("symbols")

_TURNING = {ord(mark): None for mark in "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"}
"""Marks that turn the direction of the text after them: a name could make a paper read otherwise than it is written."""

_HAN = "Hani"


@dataclass(frozen=True)
class DrawnTexts:
    """Texts as they can be drawn. scripts: the scripts of the letters that no font has, as the reader calls them."""

    texts: Any
    scripts: tuple[str, ...]


@cache
def fonts_in(folder: str | None) -> tuple[str, ...]:
    """Return the folders of fonts. folder: a further one, such as one with Chinese letters."""
    ours = tuple(str(files(package) / "files") for package in PACKAGES)
    return ours if folder is None else (*ours, folder)


def drawable(texts: Any, words: Words, folder: str | None) -> DrawnTexts:
    """Return texts, in lists and mappings of any depth, without what no font can draw."""
    missing: set[str] = set()
    drawn = _drawn(texts, _letters_of(folder), missing)
    return DrawnTexts(drawn, tuple(sorted({_script(letter, words) for letter in missing})))


def _drawn(value: Any, known: frozenset[int], missing: set[str]) -> Any:
    match value:
        case str():
            return "".join(_drawn_letters(value, known, missing))
        case Mapping():
            return {name: _drawn(one, known, missing) for name, one in value.items()}
        case Sequence() if not isinstance(value, bytes):
            return [_drawn(one, known, missing) for one in value]
        case _:
            return value


def _drawn_letters(text: str, known: frozenset[int], missing: set[str]) -> Iterator[str]:
    for letter in unicodedata.normalize("NFC", text).translate(_TURNING):
        if letter in "\n\u200c\u200d" or ord(letter) in known:
            yield letter
        elif unicodedata.category(letter) not in ("Cc", "Cf", "Mn", "Zl", "Zp"):
            missing.add(letter)
            yield MISSING


def _script(letter: str, words: Words) -> str:
    """Return the name of a letter's script, such as "Hebrew", in the reader's language."""
    name = unicodedata.name(letter, "").partition(" ")[0]
    codes = {english.upper(): code for code, english in Locale.parse("en").scripts.items()}
    code = _HAN if name in ("CJK", "KANGXI") else codes.get(name)
    if code is None or not unicodedata.category(letter).startswith("L"):
        return words.text(SYMBOLS)
    return str(words.locale.scripts.get(code, name.title()))


@cache
def _letters_of(folder: str | None) -> frozenset[int]:
    """Return the letters that the fonts have. Read once: it takes 30 ms."""
    found: set[int] = set()
    for path in fonts_in(folder):
        for font in sorted(Path(path).glob("*.[to]tf")):
            found |= set(_letters(font.read_bytes()))
    return frozenset(found)


def _letters(font: bytes) -> Iterator[int]:
    """Yields the letters of a font: those of its `cmap` subtables for Unicode that map to a glyph."""
    (tables,) = struct.unpack_from(">H", font, 4)
    entries = (struct.unpack_from(">4s4xII", font, 12 + 16 * n) for n in range(tables))
    table = next((begins for tag, begins, _ in entries if tag == b"cmap"), None)
    if table is None:
        return
    (number,) = struct.unpack_from(">H", font, table + 2)
    for n in range(number):
        platform, _, begins = struct.unpack_from(">HHI", font, table + 4 + 8 * n)
        if platform in (0, 3):
            yield from _mapped(font, table + begins)


def _mapped(font: bytes, at: int) -> Iterator[int]:
    (form,) = struct.unpack_from(">H", font, at)
    if form == 12:
        (groups,) = struct.unpack_from(">I", font, at + 12)
        for n in range(groups):
            first, last, glyph = struct.unpack_from(">III", font, at + 16 + 12 * n)
            yield from range(first + (glyph == 0), last + 1)
    elif form == 4:
        (doubled,) = struct.unpack_from(">H", font, at + 6)
        columns = [struct.unpack_from(f">{doubled // 2}H", font, at + 14 + n * doubled + 2 * (n > 0)) for n in range(4)]
        for n, (last, first, delta, offset) in enumerate(zip(*columns, strict=True)):
            place = at + 16 + 3 * doubled + 2 * n + offset
            for letter in range(first, last + 1):
                glyph = letter if not offset else struct.unpack_from(">H", font, place + 2 * (letter - first))[0]
                if letter < 0xFFFF and glyph and (glyph + delta) % 65536:
                    yield letter
