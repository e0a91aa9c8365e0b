"""Typesetting one paper. typst is imported with the first one: a process that makes none needs neither its time nor
its 90 MB.
"""

import json
import threading
from collections.abc import Mapping
from datetime import date
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from shared.texts import N_, Words
from shared.typesetting.fonts import drawable, fonts_in

if TYPE_CHECKING:
    from typst import Compiler, Fonts, PDFStandard

UNDRAWABLE = N_("This paper cannot draw some letters, and has ◌ for each: %(scripts)s. The web page shows them.")

_compilers = threading.local()
"""One compiler for each thread: two threads that share one fail with `Already borrowed`."""


def typeset(
    paper: str,
    shown: Mapping[str, Any],
    words: Words,
    *,
    title: str,
    written_on: date,
    folder: str | None,
) -> bytes:
    """Return a paper as PDF.

    paper: the name of its template. shown: what the template shows: texts, lists and mappings; an image is SVG in a
    text. title: of the document, in its properties. written_on: its date there; the clock is never read. folder: of
    further fonts. The template is also given `undrawable`, a sentence that names the scripts which no font can draw.
    """
    from typst import TypstError

    drawn = drawable(shown, words, folder)
    about = {"title": title, "lang": words.language, "on": [written_on.year, written_on.month, written_on.day]}
    missing = words.filled(UNDRAWABLE, scripts=", ".join(drawn.scripts)) if drawn.scripts else ""
    given = {"shown": json.dumps({**drawn.texts, **about, "undrawable": missing})}
    compiler = _compiler(folder)
    kept_for_long: list[PDFStandard] = ["a-2a", "ua-1"]
    tried: tuple[list[PDFStandard], ...] = (kept_for_long, [])
    for standards in tried:
        try:
            made = compiler.compile(
                _source(paper), format="pdf", sys_inputs=given, timestamp=0, pdf_standards=standards
            )
        except TypstError:
            if not standards:
                raise
        else:
            assert isinstance(made, bytes)
            return made
    raise AssertionError


@cache
def _source(paper: str) -> bytes:
    folder = files("shared.typesetting")
    return (folder / "sheet.typ").read_bytes() + (folder / f"{paper}.typ").read_bytes()


@cache
def _fonts(folder: str | None) -> "Fonts":
    from typst import Fonts

    return Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=list(fonts_in(folder)))


def _compiler(folder: str | None) -> "Compiler":
    from typst import Compiler

    made: dict[str | None, Compiler] = _compilers.__dict__.setdefault("made", {})
    if folder not in made:
        made[folder] = Compiler(font_paths=_fonts(folder), ignore_system_fonts=True)
    return made[folder]
