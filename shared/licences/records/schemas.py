"""Records on the wire."""

import uuid
from datetime import date
from typing import Annotated, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from shared.jobs import JobRequest, Outcome, OutcomeCode, Recipients
from shared.wire import MOST_ITEMS, Answer, Id, Line, Paragraph, Received, composed, storable

MAX_RECORDS = MOST_ITEMS
"""Upper bound of rows in one import."""


def _in_the_calendar(day: date) -> date:
    """Near the ends of the calendar the day in another zone cannot be computed."""
    if not 1900 <= day.year <= 9000:
        raise ValueError("must lie between the years 1900 and 9000")
    return day


RecordDay = Annotated[date, AfterValidator(_in_the_calendar)]

Number = Annotated[
    str,
    StringConstraints(strip_whitespace=True, max_length=200),
    AfterValidator(storable),
    AfterValidator(composed),
]
"""The number of a document: up to 200 characters, in Unicode NFC. An empty one is none."""


class RecordRequest(Received):
    """A licence that was earned elsewhere or before.

    courseId, courseCode: one of them; the id decides. versionLabel: by default the version that was active at the end
    of the day. completedOn: not in the future. expiresOn: the last day; by default as the course's policy says, from
    completedOn. issuer, number: of the document that proves it.
    """

    party_id: Id
    course_id: uuid.UUID | None = None
    course_code: Line | None = None
    version_label: Line | None = None
    completed_on: RecordDay
    expires_on: RecordDay | None = None
    issuer: Line | None = None
    number: Number | None = None
    note: Paragraph | None = None

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if self.course_id is None and self.course_code is None:
            raise ValueError("name the course, by courseId or courseCode")
        if self.expires_on is not None and self.expires_on < self.completed_on:
            raise ValueError("expiresOn may not lie before completedOn")
        return self


class RecordsRequest(Received):
    """An import of up to 50,000 records."""

    records: list[RecordRequest] = Field(max_length=MAX_RECORDS)


class RecordsJob(JobRequest):
    """A job of kind `records.import`. import_id: the rows. format: the media type that was sent.

    own_issuer: the submitter confirmed that rows may name the organization itself as issuer.
    """

    by: Recipients
    import_id: uuid.UUID
    format: str
    own_issuer: bool = False

    @property
    def recipients_are(self) -> Recipients:
        """The recipients are rows."""
        return self.by


class PreviewedRow(Answer):
    """One row of a preview. detail: a sentence for this row, if that of the code does not say everything."""

    row: int
    line: int | None
    party_id: str
    detail: str


class PreviewedRecords(Answer):
    """The rows that would have one outcome. examples: up to 20 of them."""

    outcome: Outcome
    code: OutcomeCode
    count: int
    examples: list[PreviewedRow]


class RecordsPreview(Answer):
    """The outcomes that an import would have. columns: of a file, each with the field that it was taken for.

    ignored_columns: those that are no field of a record. notes: sentences about a file as a whole.
    """

    total: int
    outcomes: list[PreviewedRecords]
    columns: dict[str, str]
    ignored_columns: list[str]
    notes: list[str]
