"""Texts: every one is in the catalogue of each language, and days and numbers are written as the language does."""

import re
from collections import Counter
from datetime import UTC, date, datetime

import pytest

from api.console.rendering import TEMPLATES
from shared.jobs import OutcomeCode
from shared.texts import Words, catalogue_of, language_of
from tests.console.problem_texts import file_texts
from tests.console.texts import collected, languages, missing, path_of, renewed, translated

FRIDAY = datetime(2026, 11, 27, 8, 0, tzinfo=UTC)

PLACES = re.compile(r"%\(\w+\)[sd]|\{\w*\}|%%")
"""The placeholders of a text."""


@pytest.mark.parametrize("language", languages())
def test_every_text_is_in_the_catalogue(language: str) -> None:
    assert path_of(language).read_bytes() == renewed(language), "run `make texts`"


@pytest.mark.parametrize("language", languages())
def test_every_text_is_translated(language: str) -> None:
    assert list(missing(language)) == [], f"run `make texts`, then translate these in {path_of(language).name}"


def test_texts_are_collected_from_pages_and_from_the_program() -> None:
    assert "Skip to the content" in collected()
    assert "Waits for approval" in collected()


@pytest.mark.parametrize("language", languages())
def test_a_translation_has_the_placeholders_of_its_text(language: str, subtests: pytest.Subtests) -> None:
    catalogue = translated(language)
    for message in catalogue:
        with subtests.test(str(message.id)):
            assert [str(error) for error in message.check(catalogue)] == []


@pytest.mark.parametrize("language", languages())
def test_a_translation_is_filled_in_at_the_same_places_as_its_text(language: str) -> None:
    found = [(_forms(message.id), _forms(message.string)) for message in translated(language)]
    pairs = [pair for texts, forms in found for pair in zip(texts, forms, strict=True)]
    assert len(pairs) > 500
    assert [text for text, told in pairs if told and _places(text) != _places(told)] == []


def test_a_text_that_is_not_our_own_is_escaped_and_is_no_format() -> None:
    shown = TEMPLATES.from_string("{{ _(typed) }}").render(typed="<b>100% %(zone)s")
    assert shown == "&lt;b&gt;100% %(zone)s"


def test_a_reader_gets_the_first_language_that_there_is() -> None:
    assert language_of("nb-NO", "en") == "nb"
    assert language_of("no") == "nb"
    assert language_of("xx", None) == "en"
    assert catalogue_of("en").gettext("Jobs") == "Jobs"


def test_a_near_day_has_its_weekday_and_an_instant_its_zone() -> None:
    words = Words("en", "Europe/Oslo", FRIDAY)
    assert words.day(date(2026, 11, 30)) == "Monday, 30 November 2026"
    assert words.day(date(2027, 11, 30)) == "30 November 2027"
    assert words.instant(FRIDAY) == "Friday, 27 November 2026, 09:00 (Europe/Oslo)"
    assert words.number(12_345) == "12,345"
    assert words.percent(1999, 2000) == "99%"


def test_days_are_written_as_the_readers_language_does() -> None:
    assert Words("nb", "Europe/Oslo", FRIDAY).day(date(2026, 11, 30)) == "mandag 30. november 2026"


def test_an_hour_that_clocks_repeat_has_the_difference_from_utc() -> None:
    words = Words("en", "Europe/Oslo", FRIDAY)
    assert words.zone_at(datetime(2026, 10, 25, 0, 30, tzinfo=UTC)) == "Europe/Oslo, UTC+02:00"
    assert words.zone_at(datetime(2026, 10, 25, 3, 30, tzinfo=UTC)) == "Europe/Oslo"


@pytest.mark.parametrize(
    "written", ["2026-11-27T15:24:50.236891+00:00", "2026-11-27 15:24:50+00:00", "2026-11-27T15:24Z"]
)
def test_an_instant_in_a_sentence_is_written_in_the_zone_and_form_of_the_page(written: str) -> None:
    sentence = f"A licence must end after it begins, which is at {written}."
    assert Words("en", "Europe/Oslo", FRIDAY).sentence(sentence) == (
        "A licence must end after it begins, which is at Friday, 27 November 2026, 16:24 (Europe/Oslo)."
    )
    assert Words("nb", "Europe/Oslo", FRIDAY).sentence(sentence) == (
        "Et kompetansebevis må utløpe etter at det begynner, som er fredag 27. november 2026, 16:24 (Europe/Oslo)."
    )


def test_a_sentence_with_what_is_no_instant_stays_as_it_is() -> None:
    for sentence in ("On 2026-11-27 at 15:24.", "At 2026-99-27T15:24:50+00:00."):
        assert Words("en", "Europe/Oslo", FRIDAY).sentence(sentence) == sentence


@pytest.mark.parametrize("language", languages())
def test_what_is_wrong_with_a_row_is_told_in_the_readers_language(language: str, subtests: pytest.Subtests) -> None:
    words = Words(language, "Europe/Oslo", FRIDAY)
    sentences = {PLACES.sub("7", one) for one in file_texts()} | {one.detail for one in OutcomeCode}
    for one in sentences:
        with subtests.test(one):
            assert words.fault(one) != one
            said = f"Ansatt nr: {one[0].lower()}{one[1:]}"
            assert words.fault(said).startswith("Ansatt nr: ")
            assert words.fault(said) != said
    several = "Completed on: must be a day, such as 2026-11-26. Issuer: this is required."
    assert words.fault(several).count("must") == words.fault(several).count("required") == 0
    assert Words("en", "UTC", FRIDAY).fault(several) == several


def _forms(text: object) -> list[str]:
    """The forms of a text: one, or one for each number that a language knows."""
    return [str(one) for one in text] if isinstance(text, (tuple, list)) else [str(text)]


def _places(text: str) -> Counter[str]:
    return Counter(PLACES.findall(text))
