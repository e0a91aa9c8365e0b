"""The transcript as rows of a file and as PDF. What it says is in `transcripts`."""

import uuid
from collections.abc import Iterator, Sequence
from datetime import date, datetime

from shared import clock
from shared.licences import LicenceSource
from shared.services.transcripts import STATES, CompletedAssignment, HeldLicence, Transcript
from shared.settings import Settings
from shared.texts import N_, Words
from shared.typesetting import typeset
from shared.wire import Answer, Instant

Row = dict[str, object]
"""A row of a section: a course, the lines under its title, sentences, and the state of a licence. All are texts."""

Section = dict[str, object]
"""A section of a person's paper: its heading, columns, rows, the sentence if it has none, and notes under it."""


class TranscriptRow(Answer):
    """A row of the file: an assignment, a licence, or a correction, which follows its licence.

    on: the day of the training. at: when it was recorded. by: who did so. The other columns are those of the JSON.
    """

    kind: str
    course_title: str
    course_code: str
    version_label: str
    on: date | None = None
    at: Instant
    by: str | None = None
    valid_from: Instant | None = None
    expires_at: Instant | None = None
    state: str | None = None
    source: LicenceSource | None = None
    issuer: str | None = None
    number: str | None = None
    code: str | None = None
    reason: str | None = None
    former_valid_from: Instant | None = None
    former_expires_at: Instant | None = None
    former_state: str | None = None
    text: str
    id: uuid.UUID


class TranscriptRows(Answer):
    """The rows of the file, in the order of the transcript."""

    items: list[TranscriptRow]


def rows_of(transcript: Transcript) -> TranscriptRows:
    """Return the transcript as rows."""
    return TranscriptRows(items=list(_rows(transcript)))


def _rows(transcript: Transcript) -> Iterator[TranscriptRow]:
    for done in transcript.assignments:
        given = {"on": done.occurred_on, "at": done.completed_at, "by": done.by.id, "text": done.text, "id": done.id}
        yield TranscriptRow.model_validate({"kind": "assignment", **_course(done), **given})
    for held in transcript.licences:
        named = ("valid_from", "expires_at", "state", "source", "issuer", "number", "code", "text", "id")
        given = {name: getattr(held, name) for name in named} | {"on": held.completed_on, "at": held.granted_at}
        yield TranscriptRow.model_validate({"kind": "licence", **_course(held), **given})
        yield from _correction_rows(held)


def _correction_rows(held: HeldLicence) -> Iterator[TranscriptRow]:
    for one in held.corrections:
        named = ("at", "reason", "valid_from", "expires_at", "text")
        given = {name: getattr(one, name) for name in named} | {"by": one.by.id, "id": held.id, "code": held.code}
        for name in ("valid_from", "expires_at", "state"):
            given[f"former_{name}"] = getattr(one.former, name, None)
        yield TranscriptRow.model_validate({"kind": "correction", **_course(held), **given})


def _course(one: object) -> dict[str, str]:
    return {name: getattr(one, name) for name in ("course_title", "course_code", "version_label")}


def transcript_pdf(transcript: Transcript, settings: Settings) -> bytes:
    """Return the transcript as PDF. The same content and instant give the same bytes."""
    now: datetime = transcript.made_at
    words = Words(transcript.language, transcript.time_zone, now)
    title = words.text(N_("Transcript"))
    holder = transcript.party.display_name or transcript.party.entity_id
    number = words.filled(N_("Number %(number)s"), number=transcript.party.entity_id)
    shown = {
        "organization": transcript.organization,
        "heading": title,
        "holder": holder,
        "about": f"{number} · {words.filled(N_('As of %(at)s'), at=words.exactly(now))}",
        "sections": [
            licence_section(
                words.text(N_("Licences")), [licence_row(one, words) for one in transcript.licences], words
            ),
            completion_section([completion_row(one) for one in transcript.assignments], words),
        ],
        "foot": [],
        "page": words.text(N_("Page")),
    }
    return typeset(
        "person",
        shown,
        words,
        title=f"{title} - {holder}",
        written_on=clock.day_in(words.zone, now),
        folder=settings.font_folder,
    )


def licence_section(heading: str, rows: list[Row], words: Words, notes: Sequence[str] = ()) -> Section:
    """Return a section of a person's paper with licences. notes: sentences under it."""
    columns = [words.text(text) for text in (N_("Course"), N_("What is on record"), N_("State"))]
    return {
        "heading": heading,
        "columns": columns,
        "rows": rows,
        "none": words.text(N_("No licences.")),
        "notes": list(notes),
    }


def completion_section(rows: list[Row], words: Words, notes: Sequence[str] = ()) -> Section:
    """Return the section of a person's paper with completed training. notes: sentences under it."""
    return {
        "heading": words.text(N_("Completed training")),
        "columns": [words.text(text) for text in (N_("Course"), N_("What is on record"))],
        "rows": rows,
        "none": words.text(N_("Nothing was completed.")),
        "notes": list(notes),
    }


def licence_row(one: HeldLicence, words: Words, more: Sequence[str] = ()) -> Row:
    """Return a licence with its corrections for a person's paper. more: sentences after them."""
    number = [words.filled(N_("Number %(number)s"), number=one.number)] if one.number else []
    return {
        "course": one.course_title,
        "under": [f"{one.course_code}, {one.version_label}", one.code],
        "text": one.text,
        "more": [*number, *(each.text for each in one.corrections), *more],
        "state": words.text(STATES[one.state]),
        "good": one.state == "active",
    }


def completion_row(one: CompletedAssignment, more: Sequence[str] = ()) -> Row:
    """Return a completed training for a person's paper. more: sentences after it."""
    under = [f"{one.course_code}, {one.version_label}"]
    return {"course": one.course_title, "under": under, "text": one.text, "more": list(more)}
