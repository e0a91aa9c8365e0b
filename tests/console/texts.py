"""The catalogue of texts: collected from the pages and the program, and written by `make texts`."""

from collections.abc import Iterator
from importlib.resources import files
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.pofile import read_po, write_po

from shared.deliveries import DeliveryCode
from shared.jobs import OutcomeCode
from shared.problems import KNOWN
from shared.texts import FIRST, LOCALES
from tests.architecture.source import ROOT
from tests.console.problem_texts import file_texts, problem_texts

KEYWORDS = {**DEFAULT_KEYWORDS, "texts": (1, 2)}
"""The functions whose arguments are texts: `Words.texts` besides those of gettext."""
METHODS = [("**/templates/**.html", "jinja2"), ("**/mail_templates/layout.*", "jinja2"), ("**.py", "python")]
_TEMPLATES = {"extensions": "jinja2.ext.i18n", "newstyle_gettext": "true", "trimmed": "true", "silent": "false"}
OPTIONS = {"**/templates/**.html": _TEMPLATES, "**/mail_templates/layout.*": _TEMPLATES}


OF_VALIDATION = (
    "This is required.",
    "There is no such field.",
    "Must be 1 to 64 characters of A-Z a-z 0-9 . _ : -",
    "Must be a day, such as 2026-11-26.",
    "String should have at least %(value1)s character.",
    "String should have at least %(value1)s characters.",
    "String should have at most %(value1)s characters.",
    "List should have at least %(value1)s item after validation, not 0.",
    "List should have at most %(value1)s items after validation, not %(value2)s.",
    "Input should be a valid date or datetime, %(value1)s.",
    "Input should be a valid datetime, %(value1)s.",
    "Input should be a valid integer, unable to parse string as an integer.",
    "Input should be a valid integer.",
    "Input should be a valid string.",
    "Input should be a valid UUID, %(value1)s.",
    "Input should be greater than or equal to %(value1)s.",
    "Input should be less than or equal to %(value1)s.",
    "Input should be %(value1)s.",
)
"""The messages of pydantic about values that people type."""


def collected() -> Catalog:
    """Return every text that the pages and the program mark."""
    found = Catalog(project="Rollcall", charset="utf-8")
    for room in ("api", "shared"):
        for _, _, text, comments, context in extract_from_dir(ROOT / room, METHODS, OPTIONS, KEYWORDS):
            found.add(text, auto_comments=comments, context=context)
    for text in listed():
        found.add(text)
    return found


def listed() -> Iterator[str]:
    """The sentences of codes and problems, which pages translate as they show them."""
    yield from (text for known in KNOWN.values() for text in (known.title, known.means, known.remedy))
    yield from (code.detail for code in OutcomeCode)
    yield from (code.detail for code in DeliveryCode)
    yield from sorted(problem_texts() | file_texts())
    yield from OF_VALIDATION


def languages() -> list[str]:
    """The languages into which texts are translated."""
    return [language for language in LOCALES if language != FIRST]


def path_of(language: str) -> Path:
    """The file of a language."""
    return Path(str(files("shared") / "locale" / f"{language}.po"))


def translated(language: str) -> Catalog:
    """Return the texts of a language as they are stored."""
    with path_of(language).open("rb") as opened:
        return read_po(opened, locale=language)


def renewed(language: str) -> bytes:
    """Return the file of a language with every collected text and no other. What was translated stays."""
    path = path_of(language)
    catalogue = translated(language) if path.exists() else Catalog(locale=language, project="Rollcall", charset="utf-8")
    catalogue.update(collected(), no_fuzzy_matching=True)
    catalogue.obsolete.clear()
    written = BytesIO()
    write_po(written, catalogue, width=120, no_location=True, omit_header=True, sort_output=True)
    return _HEADER.format(language=language, plurals=catalogue.plural_forms).encode() + written.getvalue()


_HEADER = """msgid ""
msgstr ""
"Content-Type: text/plain; charset=utf-8\\n"
"Language: {language}\\n"
"Plural-Forms: {plurals}\\n"

"""


def missing(language: str) -> Iterator[str]:
    """The texts of a language that have no translation."""
    for message in translated(language):
        if message.id and not (all(message.string) if isinstance(message.string, tuple) else message.string):
            yield str(message.id)


if __name__ == "__main__":
    for one in languages():
        path_of(one).write_bytes(renewed(one))
        print(f"{path_of(one).relative_to(ROOT)}: {len(list(missing(one)))} texts without a translation")
