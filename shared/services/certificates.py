"""Certificates as they are read: the sheet that the page and the PDF share, its PDF, its look, and links to it.

The sheet is in the holder's language, because it is the holder who shows it. A link shows one certificate to anybody
who has it, also while training is not available to the organization, as the printed code does (decision 0012).
"""

import base64
import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import segno
from dateutil.relativedelta import relativedelta
from sqlalchemy.orm import Session

from shared import access, clock, licences
from shared.access import Caller, OrganizationUnknown, Permission
from shared.errors import NotFound
from shared.licences import (
    CertificateLink,
    CertificateLinks,
    Issuer,
    Licence,
    LicenceSource,
    Look,
    LookChange,
    Proof,
    Validity,
    check_certificate_link,
    grouped,
    holder_of,
)
from shared.services.session_links import Paused
from shared.services.verbs import verb
from shared.services.verification import Certificate, get_proof, with_look
from shared.settings import TRAINING, Settings
from shared.signed_links import LinkInvalid, MintedLink
from shared.texts import N_, Words, language_of, reading
from shared.typesetting import typeset

LEADS = {
    Validity.VALID: N_("has been trained, and is licensed, in"),
    Validity.NOT_YET_VALID: N_("has been trained, and will be licensed, in"),
}
WAS = N_("was trained, and was licensed, in")


@dataclass(frozen=True)
class Fact:
    """A line of the sheet. day: as programs read it. kind: `until` for the end, `code` for the code."""

    label: str
    text: str
    day: str = ""
    kind: str = ""


@dataclass(frozen=True)
class Sheet:
    """The texts of a certificate in the language of its holder. stamp: empty for a valid licence.

    facts: the dates. qr: as SVG. verify_address: where any code is verified; verify_code: this one.
    logo: a PNG in a `data:` address, empty if there is none.
    """

    language: str
    organization: str
    kind: str
    holder: str
    holder_number: str
    lead: str
    course: str
    version: str
    notes: list[str]
    stamp: str
    facts: list[Fact]
    code_label: str
    code: str
    verify_label: str
    verify_address: str
    verify_code: str
    qr: str
    qr_label: str
    signatory: str
    signatory_title: str
    logo: str

    @property
    def title(self) -> str:
        """The title of the document."""
        return f"{self.course} - {self.holder}"

    @property
    def verify_short(self) -> str:
        """The address without its scheme, as people type it."""
        return self.verify_address.partition("://")[2]


def sheet_of(found: Certificate) -> Sheet:
    """Return the sheet of a certificate."""
    words, licence, look = found.words, found.proof.licence, found.look
    recorded = licence.source is LicenceSource.RECORD
    address = found.issuer.verify_address(licence)
    with reading(words):
        stamp = "" if found.validity is Validity.VALID else found.told()
    return Sheet(
        language=words.language,
        organization=found.organization.name,
        kind=words.text(N_("Record of training") if recorded else N_("Certificate of training")),
        holder=found.proof.holder or licence.party_id,
        holder_number=words.filled(N_("Number %(number)s"), number=licence.party_id) if look.show_holder_number else "",
        lead=words.text(LEADS.get(found.validity, WAS)),
        course=found.proof.title,
        version=words.filled(N_("Version %(label)s"), label=found.proof.version),
        notes=[recorded_elsewhere(words, found.organization.name, licence.issuer)] if recorded else [],
        stamp=stamp,
        facts=_facts(found, recorded),
        code_label=words.text(N_("Code")),
        code=grouped(licence.code),
        verify_label=words.text(N_("Verify at")),
        verify_address=f"{found.issuer.public_url}/verify",
        verify_code=address,
        qr=segno.make(address, error="m").svg_inline(border=0, omitsize=True, dark="#14281f"),
        qr_label=words.text(N_("QR code that leads to the page which verifies this licence")),
        signatory=look.signatory_name or "",
        signatory_title=look.signatory_title or "",
        logo="" if look.logo is None else f"data:image/png;base64,{base64.b64encode(look.logo).decode()}",
    )


def recorded_elsewhere(words: Words, organization: str, issuer: str | None) -> str:
    """Return the sentences that say that a licence was not earned at the organization, and who says so."""
    said = words.filled(N_("Earned elsewhere or before, and recorded by %(name)s."), name=organization)
    if issuer:
        return f"{said} {words.filled(N_('Issuer: %(issuer)s.'), issuer=issuer)}"
    return f"{said} {words.text(N_('No issuer was recorded.'))}"


def _facts(found: Certificate, recorded: bool) -> list[Fact]:
    words, licence = found.words, found.proof.licence
    granted_on = clock.day_in(words.zone, licence.granted_at)
    facts = []
    if found.trained_on is not None:
        facts.append(Fact(words.text(N_("Trained")), words.written(found.trained_on), str(found.trained_on)))
    label = words.text(N_("Recorded") if recorded else N_("Granted"))
    facts.append(Fact(label, words.written(granted_on), str(granted_on)))
    if licence.begins_at != licence.granted_at:
        begins = words.since(licence.begins_at)
        facts.append(Fact(words.text(N_("Valid from")), begins, licence.begins_at.isoformat(timespec="seconds")))
    ends = words.until(licence.expires_at)
    return [
        *facts,
        Fact(words.text(N_("Valid until")), ends, licence.expires_at.isoformat(timespec="seconds"), "until"),
    ]


def pdf_of(found: Certificate, settings: Settings) -> bytes:
    """Return the certificate as PDF. The same licence and look give the same bytes."""
    sheet, look = sheet_of(found), found.look
    words, ended = found.words, bool(sheet.stamp)
    struck = [{"label": one.label, "text": one.text, "struck": ended and one.kind == "until"} for one in sheet.facts]
    shown: dict[str, Any] = {
        "organization": sheet.organization,
        "kind": sheet.kind,
        "holder": sheet.holder,
        "holderNumber": sheet.holder_number,
        "lead": sheet.lead,
        "course": sheet.course,
        "version": sheet.version,
        "notes": sheet.notes,
        "stamp": sheet.stamp,
        "facts": struck,
        "codeLabel": sheet.code_label,
        "code": sheet.code,
        "verifyLabel": sheet.verify_label,
        "verifyAddress": sheet.verify_address,
        "verifyShort": sheet.verify_short,
        "verifyCode": sheet.verify_code,
        "qr": sheet.qr,
        "qrLabel": sheet.qr_label,
        "signatory": sheet.signatory,
        "signatoryTitle": sheet.signatory_title,
        "logo": _as_svg(sheet.logo, look.logo_width, look.logo_height),
    }
    granted_on = clock.day_in(words.zone, found.proof.licence.granted_at)
    return typeset("certificate", shown, words, title=sheet.title, written_on=granted_on, folder=settings.font_folder)


def _as_svg(logo: str, width: int | None, height: int | None) -> str:
    """Return a PNG in an SVG: typst is given texts only."""
    if not logo:
        return ""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}">'
        f'<image width="{width}" height="{height}" href="{logo}"/></svg>'
    )


@verb()
def mint_certificate_link(
    db: Session, caller: Caller, licence_id: uuid.UUID, links: CertificateLinks, now: datetime
) -> MintedLink:
    """Return a link with which anybody sees this certificate. For the holder's member, and `training.admin` in scope.

    Earlier links stay valid. Raises PermissionDenied, NotFound, LicenceRevoked, LinksNotConfigured.
    """
    if caller.party_id is None or holder_of(db, licence_id) != caller.party_id:
        caller.need(Permission.ADMIN)
    proof = get_proof(db, caller, licence_id)
    return licences.mint_certificate_link(db, links, proof, caller.actor, now)


def open_certificate_link(db: Session, link: CertificateLink, settings: Settings, now: datetime) -> Certificate:
    """Return the certificate of a link. Raises Paused, LinkInvalid, CertificateLinkDead."""
    if TRAINING not in settings.features:
        raise Paused
    try:
        proof = licences.get_proof(db, link.licence_id, None)
        check_certificate_link(link, proof)
        return with_look(db, proof, settings, now)
    except (NotFound, OrganizationUnknown):
        raise LinkInvalid from None


@verb(*Permission)
def get_look(db: Session, _: Caller) -> Look:
    """Return what the organization's certificates show besides the licence, to callers who have any permission."""
    return licences.get_look(db)


@verb(Permission.ADMIN, whole=True)
def change_look(db: Session, caller: Caller, changes: LookChange, now: datetime) -> Look:
    """Change what the request mentions. A value equal to the present one is no change."""
    return licences.change_look(db, changes, caller.actor, now)


@verb(*Permission)
def get_logo(db: Session, _: Caller) -> bytes:
    """Return the logo, a PNG. Raises NotFound."""
    logo = licences.get_look(db).logo
    if logo is None:
        raise NotFound("logo")
    return logo


@verb(Permission.ADMIN, whole=True)
def set_logo(db: Session, caller: Caller, sent: bytes, now: datetime) -> Look:
    """Show another logo: decoded, and written anew. Raises InvalidInput for a file that is none."""
    return licences.set_logo(db, sent, caller.actor, now)


@verb(Permission.ADMIN, whole=True)
def clear_logo(db: Session, caller: Caller, now: datetime) -> Look:
    """Show no logo any more."""
    return licences.clear_logo(db, caller.actor, now)


@verb(*Permission)
def preview_look(db: Session, _: Caller, settings: Settings, now: datetime) -> Sheet:
    """Return the sheet of a certificate with made-up facts, in the language of the organization."""
    organization = access.get_organization(db)
    words = Words(language_of(organization.language), organization.time_zone, now)
    licence = Licence(
        org_id=organization.id,
        party_id="E-0042",
        code="0" * 16,
        granted_at=now,
        expires_at=now + relativedelta(months=12),
        assignment_id=uuid.UUID(int=0),
    )
    proof = Proof(licence, words.text(N_("Name of the holder")), words.text(N_("Title of the course")), "", None, "1.0")
    issuer = Issuer(organization.id, organization.name, settings.public_url)
    look, trained_on = licences.get_look(db), clock.day_in(words.zone, now)
    shown_on = trained_on if look.show_training_date else None
    return sheet_of(Certificate(proof, organization, issuer, Validity.VALID, licence.expires_at, words, look, shown_on))
