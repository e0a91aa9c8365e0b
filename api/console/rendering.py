"""The templates of the pages, and the names that every template can use.

A part of a page that is sent alone, such as the progress of a job, is a macro: the page calls the same one.
"""

from dataclasses import replace
from datetime import datetime
from typing import Any

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from api.console.history import name_of, noun_of
from shared import clock
from shared.texts import Words, reader, reading
from shared.words import day_in_words

TEMPLATES = Environment(
    loader=ChoiceLoader([PackageLoader("api.console"), PackageLoader("api.console", "static")]),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    extensions=["jinja2.ext.i18n"],
)
TEMPLATES.install_gettext_callables(  # type: ignore[attr-defined]
    lambda text: reader().text(text), lambda one, many, number: reader().texts(one, many, number), newstyle=True
)
# the two that templates call most, without what Jinja's own ones do for each call
# and without taking every text for markup and a format: templates also translate what a reader has typed
TEMPLATES.globals |= {
    "_": lambda text: reader().text(text),
    "ngettext": lambda one, many, number: reader().texts(one, many, number).replace("%(num)d", reader().number(number)),
}
TEMPLATES.policies["ext.i18n.trimmed"] = True
TEMPLATES.filters |= {
    "day": day_in_words,
    "long_day": lambda day: reader().day(day),
    "short_day": lambda day: reader().short_day(day),
    "short_month": lambda day: reader().short_month(day),
    "month": lambda day: reader().month(day),
    "moment": lambda at: reader().moment(at),
    "instant": lambda at: reader().instant(at),
    "until": lambda at: reader().until(at),
    "since": lambda at: reader().since(at),
    "short_until": lambda at: reader().short_until(at),
    "short_since": lambda at: reader().short_since(at),
    "moment_in": lambda at, zone: _in(zone).moment(at),
    "end_in": lambda at, since, zone: _end(at, since, _in(zone)),
    "event_name": name_of,
    "noun": noun_of,
    "sentence": lambda text: reader().sentence(text),
    "fault": lambda detail: reader().fault(detail),
    "told": lambda text: _begun(reader().sentence(text)),
    "number": lambda number: reader().number(number),
}
TEMPLATES.globals |= {
    "percent": lambda part, whole: reader().percent(part, whole),
    "translated": lambda texts: [(value, reader().text(text)) for value, text in texts.items()],
}


def _begun(sentence: str) -> str:
    """Return a sentence with a capital, as a validator writes none. One that begins with an id or a field stays."""
    return sentence[:1].upper() + sentence[1:] if sentence.partition(" ")[0].strip(",.:;").islower() else sentence


def _in(zone: str) -> Words:
    """Return the reader's words in another time zone."""
    return replace(reader(), zone=zone)


def _end(at: datetime, since: datetime, words: Words) -> str:
    """Return the end of something in words: with its day only if it began on another one."""
    same = clock.day_in(words.zone, at) == clock.day_in(words.zone, since)
    return words.time(at) if same else words.moment(at)


def render(template: str, words: Words, **shown: Any) -> str:
    """Return a page for a reader. shown: the template's variables; a missing one is an error."""
    with reading(words):
        return TEMPLATES.get_template(template).render(shown)


def fragment(template: str, macro: str, words: Words, *given: Any) -> Markup:
    """Return what one macro of a template renders for a reader."""
    with reading(words):
        module = TEMPLATES.get_template(template).make_module()
        return Markup(getattr(module, macro)(*given))  # noqa: S704 - rendered with autoescape
