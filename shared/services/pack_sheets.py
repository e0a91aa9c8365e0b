"""The sheets of a pack: for each person, on paper, what the person's file says without the proofs.

A sheet is in the language of its person, as a transcript is. Its present is the instant at which the pack was asked
for, so that all sheets of a pack agree, whenever each was made.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from shared import access, clock, settings
from shared.catalogue import Course
from shared.licences import Checked, CheckReason, Correction, LicenceSource, list_corrections
from shared.packs import Pack, PackContent
from shared.services.certificates import recorded_elsewhere
from shared.services.pack_facts import PersonFacts
from shared.services.transcript_papers import (
    Row,
    Section,
    completion_row,
    completion_section,
    licence_row,
    licence_section,
)
from shared.services.transcripts import completed_assignment, held_licence, words_of
from shared.texts import N_, Words
from shared.typesetting import typeset

MOST_ROWS = 200
"""Upper bound of the rows of each section of a sheet: one person's file may have 20,000 records."""

MOST_CORRECTIONS = 50
"""Upper bound of the corrections of a licence on a sheet."""

ON_THE_DAY = {
    CheckReason.VALID: N_("Valid from %(since)s, until %(until)s."),
    CheckReason.NOT_YET_VALID: N_("There is a licence that begins later: %(since)s."),
    CheckReason.EXPIRED: N_("The last licence had ended: %(until)s."),
    CheckReason.REVOKED: N_("The last licence was revoked."),
}

NOT_ALL = N_(
    "Only %(shown)s of %(all)s are printed here. %(file)s has all of them; a pack about fewer courses prints them."
)


def sheets_of(
    db: Session, facts: Sequence[PersonFacts], pack: Pack, organization: access.Organization
) -> dict[tuple[str, int], bytes]:
    """Return the sheets of these people, by name of the file and number of its part. A few statements for all."""
    words = {one.number: words_of(one.party, organization, pack.asked_at) for one in facts}
    corrections = _corrections(db, facts, words)
    return {
        (f"sheets/{one.number:04}.pdf", 0): _sheet(one, corrections, pack, organization, words[one.number])
        for one in facts
    }


def _corrections(db: Session, facts: Iterable[PersonFacts], words: Mapping[int, Words]) -> dict[UUID, list[Correction]]:
    """Return the corrections of all licences, each in its holder's language: one statement for each language."""
    found: dict[UUID, list[Correction]] = {}
    in_order = sorted(facts, key=lambda one: words[one.number].language)
    for said, same in groupby(in_order, lambda one: words[one.number]):
        found |= list_corrections(db, [licence.id for one in same for licence, _ in one.licences], said)
    return found


def _sheet(
    one: PersonFacts,
    corrections: Mapping[UUID, list[Correction]],
    pack: Pack,
    organization: access.Organization,
    words: Words,
) -> bytes:
    title = words.text(N_("Sheet of a pack"))
    holder = one.party.display_name or one.party.id
    about = [
        words.filled(N_("Number %(number)s"), number=one.party.id),
        words.filled(N_("Sheet %(number)s"), number=words.number(one.number)),
        as_of(pack, organization, words),
    ]
    sections = [_on_the_day(one, pack, organization, words), _licences(one, corrections, organization, words)]
    if PackContent.COMPLETIONS in pack.include:
        sections.append(_completions(one, words))
    proved = N_("%(file)s in the same pack says the same, with proofs that lead to this head of the audit log:")
    shown = {
        "organization": organization.name,
        "heading": title,
        "holder": holder,
        "about": " · ".join(about),
        "sections": sections,
        "foot": [words.filled(proved, file=one.file), *head_of(pack)],
        "page": words.text(N_("Page")),
    }
    return typeset_for("person", shown, pack, words, f"{title} - {holder}")


def as_of(pack: Pack, organization: access.Organization, words: Words) -> str:
    """Return the day of a pack in words."""
    day = words.written(pack.on_day)
    return words.filled(N_("As of the end of %(day)s (%(zone)s)"), day=day, zone=organization.time_zone)


def head_of(pack: Pack) -> list[str]:
    """Return the head to which a pack leads, in two lines: a hash cannot be broken."""
    return [f"{pack.tree_size}:{pack.head_hash}:", pack.root_hash]


def typeset_for(template: str, shown: Mapping[str, Any], pack: Pack, words: Words, title: str) -> bytes:
    """Return a paper of a pack as PDF, with the day on which the pack was asked for."""
    day = clock.day_in(words.zone, pack.asked_at)
    return typeset(template, shown, words, title=title, written_on=day, folder=settings.current().font_folder)


def _on_the_day(one: PersonFacts, pack: Pack, organization: access.Organization, words: Words) -> Section:
    known = [(checked, course) for checked, course in one.held if checked.reason in ON_THE_DAY]
    never = [course.title for checked, course in one.held if checked.reason not in ON_THE_DAY]
    notes = [words.filled(N_("No licence was ever held for: %(courses)s."), courses=", ".join(never))] if never else []
    shown, more = _bounded(known, one, words)
    rows = [_standing(checked, course, organization, words) for checked, course in shown]
    heading = words.filled(N_("At the end of %(day)s"), day=words.written(pack.on_day))
    section = licence_section(heading, rows, words, [*more, *notes])
    return section | {"none": words.text(N_("There was no licence."))}


def _standing(checked: Checked, course: Course, organization: access.Organization, words: Words) -> Row:
    assert checked.valid_from is not None and checked.expires_at is not None  # noqa: PT018 - of one licence
    dates = {"since": words.since(checked.valid_from), "until": words.until(checked.expires_at)}
    elsewhere = checked.source is LicenceSource.RECORD
    return {
        "course": course.title,
        "under": [", ".join(each for each in (course.code, checked.version_label) if each)],
        "text": words.filled(ON_THE_DAY[checked.reason], **dates),
        "more": [recorded_elsewhere(words, organization.name, checked.issuer)] if elsewhere else [],
        "state": words.text(N_("Valid") if checked.licensed else N_("Not valid")),
        "good": checked.licensed,
    }


def _licences(
    one: PersonFacts,
    corrections: Mapping[UUID, list[Correction]],
    organization: access.Organization,
    words: Words,
) -> Section:
    shown, notes = _bounded(one.licences, one, words)
    rows = []
    for licence, row in shown:
        all_of_them = corrections.get(licence.id, [])
        held = held_licence(licence, row, organization.name, all_of_them[-MOST_CORRECTIONS:], words)
        left_out = len(all_of_them) - MOST_CORRECTIONS
        more = [words.filled(N_("Earlier corrections: %(number)s."), number=words.number(left_out))] * (left_out > 0)
        rows.append(licence_row(held, words, [*more, *_recorded(one, f"licence/{licence.id}", words)]))
    heading = words.filled(N_("Licences as known on %(at)s"), at=words.exactly(words.now))
    return licence_section(heading, rows, words, notes)


def _completions(one: PersonFacts, words: Words) -> Section:
    shown, notes = _bounded(one.completions, one, words)
    rows = [
        completion_row(completed_assignment(done, row, words), _recorded(one, f"assignment/{done.id}", words))
        for done, row in shown
    ]
    return completion_section(rows, words, notes)


def _recorded(one: PersonFacts, subject: str, words: Words) -> list[str]:
    """A sentence that names the events which say so, if there are any."""
    numbers = [str(sequence) for sequence, _ in one.events.get(subject, ())]
    told = N_("Events in the audit log: %(numbers)s.")
    return [words.filled(told, numbers=", ".join(numbers[-MOST_CORRECTIONS:]))] if numbers else []


def _bounded(rows: Sequence[Any], one: PersonFacts, words: Words) -> tuple[Sequence[Any], list[str]]:
    """Return the last of the rows that a sheet has room for, and a sentence if these are not all."""
    if len(rows) <= MOST_ROWS:
        return rows, []
    numbers = {"shown": words.number(MOST_ROWS), "all": words.number(len(rows))}
    return rows[-MOST_ROWS:], [words.filled(NOT_ALL, file=one.file, **numbers)]
