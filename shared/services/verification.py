"""Proofs of a licence: the certificate, the signed credential, and their verification by outsiders.

Outsiders do not sign in. The printed code gives access to one licence, and only to the facts printed beside it. Codes
are verified even while training is not available to the organization: its parties have earned their licences, and may
need them to be let in to work (decision 0012).
"""

import uuid
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from sqlalchemy.orm import Session

from shared import access, assignments, clock, licences, sessions
from shared.access import Caller, Organization, OrganizationUnknown, Permission
from shared.database import Database
from shared.errors import NotFound
from shared.licences import (
    CodeUnknown,
    CredentialKeys,
    CredentialsNotConfigured,
    Issuer,
    Licence,
    LicenceRevoked,
    Look,
    Proof,
    Said,
    Validity,
)
from shared.services.session_links import Paused
from shared.services.verbs import verb
from shared.settings import TRAINING, Settings
from shared.texts import N_, Words, language_of
from shared.words import ended_in_words, in_words, moment_in_words, since_in_words, until_in_words

NO_LOOK = Look()


@dataclass(frozen=True)
class Certificate:
    """A licence with everything that its certificate shows. until: the end of its validity, future or past.

    words: those of its holder, else of the organization. look: what the organization shows besides. trained_on: the
    day of the training, if that is shown.
    """

    proof: Proof
    organization: Organization
    issuer: Issuer
    validity: Validity
    until: datetime
    words: Words
    look: Look = NO_LOOK
    trained_on: date | None = None

    def told(self) -> str:
        """Return the validity with its date in words that never contradict the instant: with the hour, unless a whole
        day is meant. In the reader's language.
        """
        zone = self.organization.time_zone
        match self.validity:
            case Validity.VALID:
                return in_words(N_("Valid until %(until)s"), until=until_in_words(zone, self.until))
            case Validity.NOT_YET_VALID:
                return in_words(N_("Valid from %(since)s"), since=since_in_words(zone, self.until))
            case Validity.EXPIRED:
                return in_words(N_("Expired %(ended)s"), ended=ended_in_words(zone, self.until))
            case Validity.REVOKED:
                return in_words(N_("Revoked on %(moment)s"), moment=moment_in_words(zone, self.until))
            case Validity.SUPERSEDED:
                return in_words(N_("Replaced on %(moment)s"), moment=moment_in_words(zone, self.until))


@verb()
def get_certificate(
    db: Session, caller: Caller, licence_id: uuid.UUID, settings: Settings, now: datetime
) -> Certificate:
    """Return the certificate. For the holder's member, and for `training.view` or `training.admin` in scope.

    Raises PermissionDenied, NotFound.
    """
    return with_look(db, get_proof(db, caller, licence_id), settings, now)


@verb()
def sign_credential(db: Session, caller: Caller, licence_id: uuid.UUID, settings: Settings) -> tuple[Proof, str]:
    """Return the licence as an Open Badges 3.0 credential (compact JWS), for those who may see the certificate.

    Raises PermissionDenied, NotFound, LicenceRevoked, CredentialsNotConfigured.
    """
    proof = get_proof(db, caller, licence_id)
    if proof.licence.revoked_at is not None:
        raise LicenceRevoked
    issuer = _issuer(access.get_organization(db), settings)
    return proof, licences.sign_credential(proof, issuer, CredentialKeys(settings))


def verify_code(database: Database, typed: str, settings: Settings, now: datetime) -> Certificate:
    """Return the licence with a typed code.

    Raises CodeUnknown, Paused.
    """
    if TRAINING not in settings.features:
        raise Paused
    code = licences.read_code(typed)
    if code is None:
        raise CodeUnknown
    with database.transaction(None) as db:
        org_id = licences.organization_of(db, code)
    if org_id is None:
        raise CodeUnknown
    with database.transaction(org_id) as db:
        return _certificate(licences.get_proof_by_code(db, code), access.get_organization(db), settings, now)


def credential_status(database: Database, typed: str, said: Said, settings: Settings, now: datetime) -> dict[str, Any]:
    """Return the status document of a credential. said: the dates of its licence when it was signed.

    Raises CodeUnknown, Paused.
    """
    certificate = verify_code(database, typed, settings, now)
    return licences.status_document(certificate.proof.licence, certificate.issuer, said)


def published_keys(settings: Settings) -> list[dict[str, Any]]:
    """Return the public keys of credentials as JWKs. Empty if the deployment has no key."""
    try:
        return CredentialKeys(settings).published()
    except CredentialsNotConfigured:
        return []


def issuer_profile(database: Database, org_id: str, settings: Settings) -> dict[str, Any]:
    """Return the public profile of an organization. Raises NotFound, also if the deployment issues no credentials."""
    try:
        CredentialKeys(settings)
        with database.transaction(org_id) as db:
            return _issuer(access.get_organization(db), settings).profile()
    except (CredentialsNotConfigured, OrganizationUnknown):
        raise NotFound("issuer") from None


def with_look(db: Session, proof: Proof, settings: Settings, now: datetime) -> Certificate:
    """Return the certificate of a licence with what the organization shows besides."""
    look = licences.get_look(db)
    found = _certificate(proof, access.get_organization(db), settings, now)
    trained_on = _trained_on(db, proof.licence, found.organization.time_zone) if look.show_training_date else None
    return replace(found, look=look, trained_on=trained_on)


def _trained_on(db: Session, licence: Licence, zone: str) -> date | None:
    """Return the day of the training that a licence was granted for."""
    if licence.session_id is not None:
        return clock.day_in(zone, sessions.get(db, licence.session_id, None)[0].ends_at)
    if licence.assignment_id is not None:
        return assignments.get(db, licence.assignment_id, None)[0].occurred_on
    return licence.completed_on


@verb()
def get_proof(db: Session, caller: Caller, licence_id: uuid.UUID) -> Proof:
    """Return a licence to its holder's member, and to `training.view` or `training.admin` in scope.

    Raises PermissionDenied, NotFound.
    """
    own = caller.party_id is not None and licences.holder_of(db, licence_id) == caller.party_id
    if not own:
        caller.need(Permission.VIEW, Permission.ADMIN)
    return licences.get_proof(db, licence_id, None if own else caller.folders)


def _certificate(proof: Proof, organization: Organization, settings: Settings, now: datetime) -> Certificate:
    validity, until = licences.validity(proof.licence, now)
    words = Words(language_of(proof.language, organization.language), organization.time_zone, now)
    return Certificate(proof, organization, _issuer(organization, settings), validity, until, words)


def _issuer(organization: Organization, settings: Settings) -> Issuer:
    return Issuer(organization.id, organization.name, settings.public_url)
