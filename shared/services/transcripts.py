"""The transcript of a party: every assignment that it completed, and every licence with its corrections in sentences.

Its texts are in the holder's language, as those of a certificate. JSON, CSV, page and PDF are made of the same answer.
"""

import uuid
from datetime import date, datetime
from typing import Any

from sqlalchemy.orm import Session

from shared import access, assignments, directory, licences
from shared.access import Caller, Organization, Permission
from shared.assignments import Assignment, CompletionMethod, PartyReference
from shared.catalogue import content_of
from shared.directory import Party
from shared.errors import NotFound
from shared.licences import (
    By,
    Correction,
    Filters,
    Licence,
    LicenceSource,
    LicenceState,
    actor_in_words,
    grouped,
    list_corrections,
    state_of,
)
from shared.services.certificates import recorded_elsewhere
from shared.services.licences import SEES
from shared.services.verbs import verb
from shared.texts import N_, Words, language_of
from shared.wire import Answer, Instant

METHODS = {
    CompletionMethod.ON_BEHALF: N_("Completed on %(day)s. %(actor)s recorded it on the person's behalf."),
    CompletionMethod.SELF: N_("Completed on %(day)s. The person recorded it, signed in as %(actor)s."),
    CompletionMethod.SESSION_LINK: N_("Completed on %(day)s. The person recorded it through a link."),
    CompletionMethod.SESSION: N_("Completed on %(day)s at a session. %(actor)s recorded it."),
}

GRANTED = N_("Granted on %(granted)s, valid until %(until)s.")
GRANTED_LATER = N_("Granted on %(granted)s, valid from %(since)s until %(until)s.")
RECORDED = N_("Completed on %(day)s, recorded on %(granted)s, valid until %(until)s.")

STATES = {
    LicenceState.ACTIVE: N_("In force"),
    LicenceState.EXPIRED: N_("Ended"),
    LicenceState.REVOKED: N_("Revoked"),
    LicenceState.SUPERSEDED: N_("Superseded"),
}


class OfVersion(Answer):
    """The course version, with the title and the code that the course had when it was published."""

    course_id: uuid.UUID
    course_title: str
    course_code: str
    version_label: str


class CompletedAssignment(OfVersion):
    """A completed assignment. occurredOn: the day it happened. completedAt: when it was recorded. text: a sentence."""

    id: uuid.UUID
    method: CompletionMethod
    by: By
    occurred_on: date
    completed_at: Instant
    text: str


class HeldLicence(OfVersion):
    """A licence, in whatever state. source: `record`: not earned here; then issuer says who says so, number is that of
    its document, completedOn the day of the training, and grantedAt when it was recorded.

    text: its dates in sentences, of a record with its issuer. corrections: what happened to it since.
    """

    id: uuid.UUID
    code: str
    state: LicenceState
    source: LicenceSource
    issuer: str | None
    number: str | None
    completed_on: date | None
    granted_at: Instant
    valid_from: Instant
    expires_at: Instant
    text: str
    corrections: list[Correction]


class Transcript(Answer):
    """Everything that a party has completed and held, in order of time.

    language: of the texts, the party's own, else the organization's. madeAt: the instant that `state` is as of.
    """

    party: PartyReference
    organization: str
    time_zone: str
    language: str
    made_at: Instant
    assignments: list[CompletedAssignment]
    licences: list[HeldLicence]


@verb()
def get_transcript(db: Session, caller: Caller, party_id: str, now: datetime) -> Transcript:
    """Return the transcript of a party, to its own member, and to `training.view` in scope.

    A fixed number of statements. Raises PermissionDenied, NotFound.
    """
    own = caller.party_id is not None and caller.party_id == party_id
    if not own:
        caller.need(Permission.VIEW)
    party = directory.get_party(db, party_id, None if own else caller.folders)[0]
    organization = access.get_organization(db)
    words = words_of(party, organization, now)
    return Transcript(
        party=PartyReference(entity_id=party.id, display_name=party.display_name),
        organization=organization.name,
        time_zone=organization.time_zone,
        language=words.language,
        made_at=now,
        assignments=_assignments(db, party_id, words),
        licences=_licences(db, party_id, organization.name, words),
    )


@verb()
def get_my_transcript(db: Session, caller: Caller, now: datetime) -> Transcript:
    """Return the transcript of the party that the caller represents.

    Raises NotFound for a caller without one, or with one that was merged or renumbered since: a redirect would lead to
    the same address.
    """
    if caller.party_id is None:
        raise NotFound("party that you represent")
    try:
        return get_transcript(db, caller, caller.party_id, now)
    except directory.PartyRenumbered:
        raise NotFound("party that you represent") from None


@verb()
def get_licence_history(db: Session, caller: Caller, licence_id: uuid.UUID, now: datetime) -> list[Correction]:
    """Return what happened to a licence after it was granted, in sentences of its holder's language.

    For the holder's member, and for `training.view` or `training.admin` in scope. Raises PermissionDenied, NotFound.
    """
    own = caller.party_id is not None and licences.holder_of(db, licence_id) == caller.party_id
    if not own:
        caller.need(*SEES)
    licence = licences.get(db, licence_id, None if own else caller.folders)[0]
    party = directory.get_party(db, licence.party_id, None)[0]
    words = words_of(party, access.get_organization(db), now)
    return list_corrections(db, [licence_id], words)[licence_id]


def words_of(party: Party, organization: Organization, now: datetime) -> Words:
    """Return the words in which papers of a party are written. Instants are in the organization's time zone."""
    return Words(language_of(party.language, organization.language), organization.time_zone, now)


def _assignments(db: Session, party_id: str, words: Words) -> list[CompletedAssignment]:
    rows = db.execute(assignments.list_completed(db, party_id).add_columns(*content_of(Assignment))).all()
    return [completed_assignment(row[0], row, words) for row in rows]


def completed_assignment(assignment: Any, row: Any, words: Words) -> CompletedAssignment:
    """Return a completed assignment with its sentence. row: has the version's label and the course's title and code."""
    method = CompletionMethod(assignment.completion_method)
    actor = actor_in_words(assignment.completed_by_type, assignment.completed_by_id, words)
    return CompletedAssignment(
        **_of_version(assignment, row),
        id=assignment.id,
        method=method,
        by=By(type=assignment.completed_by_type, id=assignment.completed_by_id),
        occurred_on=assignment.occurred_on,
        completed_at=assignment.completed_at,
        text=words.filled(METHODS[method], day=words.written(assignment.occurred_on), actor=actor),
    )


def _licences(db: Session, party_id: str, organization: str, words: Words) -> list[HeldLicence]:
    held = licences.list_licences(db, Filters(words.now, party_id=party_id), None).add_columns(*content_of(Licence))
    rows = sorted(db.execute(held).all(), key=lambda row: (row[0].completed_on or row[0].granted_at.date(), row[0].id))
    corrections = list_corrections(db, [row[0].id for row in rows], words)
    return [held_licence(row[0], row, organization, corrections[row[0].id], words) for row in rows]


def held_licence(licence: Any, row: Any, organization: str, corrections: list[Correction], words: Words) -> HeldLicence:
    """Return a licence with its sentences; its state is as of the words' present. organization: its name.

    row: has the version's label and the course's title and code.
    """
    dates = {
        "granted": words.exactly(licence.granted_at),
        "since": words.since(licence.begins_at),
        "until": words.until(licence.expires_at),
    }
    if licence.source is LicenceSource.RECORD:
        said = words.filled(RECORDED, day=words.written(licence.completed_on), **dates)
        text = f"{recorded_elsewhere(words, organization, licence.issuer)} {said}"
    else:
        text = words.filled(GRANTED if licence.begins_at == licence.granted_at else GRANTED_LATER, **dates)
    return HeldLicence(
        **_of_version(licence, row),
        id=licence.id,
        code=grouped(licence.code),
        state=state_of(licence, words.now),
        source=licence.source,
        issuer=licence.issuer,
        number=licence.number,
        completed_on=licence.completed_on,
        granted_at=licence.granted_at,
        valid_from=licence.begins_at,
        expires_at=licence.expires_at,
        text=text,
        corrections=corrections,
    )


def _of_version(bound: Any, row: Any) -> dict[str, Any]:
    return {
        "course_id": bound.course_id,
        "course_title": row.course_title,
        "course_code": row.course_code,
        "version_label": row.version_label,
    }
