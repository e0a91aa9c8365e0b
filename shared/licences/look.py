"""The look of an organization's certificates: its logo, who signs, and what is shown besides the licence.

One row for each organization that has chosen anything; without a row a certificate shows none of it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic.alias_generators import to_camel
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from shared import events
from shared.database import current_org
from shared.errors import Fault, InvalidInput
from shared.events import Actor, Fact
from shared.licences.models import CertificateLook
from shared.logos import Logo, NoLogo, decoded
from shared.wire import Answer, Line, Received


@dataclass(frozen=True)
class Look:
    """The look as it is now."""

    signatory_name: str | None = None
    signatory_title: str | None = None
    show_training_date: bool = False
    show_holder_number: bool = False
    logo: bytes | None = None
    logo_width: int | None = None
    logo_height: int | None = None


class LookChange(Received):
    """Changes of the look. A field that is left out stays as it is, and null clears: no signatory, not shown."""

    signatory_name: Line | None = None
    signatory_title: Line | None = None
    show_training_date: bool | None = None
    show_holder_number: bool | None = None


class LogoAnswer(Answer):
    """The logo as it is kept, always a PNG. Its size is in pixels."""

    href: str = "/v1/settings/certificate/logo"
    width: int
    height: int


class LookAnswer(Answer):
    """The look of the organization's certificates: everything on them besides the licence.

    signatoryName, signatoryTitle: who signs. showTrainingDate: the day of the training. showHolderNumber: the party's
    id. logo: null if there is none.
    """

    signatory_name: str | None
    signatory_title: str | None
    show_training_date: bool
    show_holder_number: bool
    logo: LogoAnswer | None

    @classmethod
    def of(cls, look: Look) -> "LookAnswer":
        """Returns the answer for a look."""
        logo = None
        if look.logo_width is not None and look.logo_height is not None:
            logo = LogoAnswer(width=look.logo_width, height=look.logo_height)
        return cls(
            signatory_name=look.signatory_name,
            signatory_title=look.signatory_title,
            show_training_date=look.show_training_date,
            show_holder_number=look.show_holder_number,
            logo=logo,
        )


_FIELDS = tuple(Look.__dataclass_fields__)


def get_look(db: Session) -> Look:
    """Returns the look of the organization's certificates."""
    columns = [getattr(CertificateLook, name) for name in _FIELDS]
    row = db.execute(select(*columns).where(CertificateLook.org_id == current_org(db))).one_or_none()
    return Look() if row is None else Look(*row)


def change_look(db: Session, changes: LookChange, actor: Actor, now: datetime) -> Look:
    """Change what the request mentions. A value equal to the present one is no change."""
    given = changes.model_dump(exclude_unset=True)
    flags = ("show_training_date", "show_holder_number")
    return _change(db, given | {name: bool(given[name]) for name in flags if name in given}, actor, now)


def set_logo(db: Session, sent: bytes, actor: Actor, now: datetime) -> Look:
    """Decode a logo, write it anew and keep that. Raises InvalidInput for a file that is none."""
    try:
        logo = decoded(sent)
    except NoLogo as error:
        raise InvalidInput(Fault("/logo", str(error))) from None
    return _change(db, _columns(logo), actor, now)


def clear_logo(db: Session, actor: Actor, now: datetime) -> Look:
    """Show no logo any more."""
    return _change(db, _columns(None), actor, now)


def _columns(logo: Logo | None) -> dict[str, Any]:
    values = (None, None, None) if logo is None else (logo.png, logo.width, logo.height)
    return dict(zip(("logo", "logo_width", "logo_height"), values, strict=True))


def _change(db: Session, values: Mapping[str, Any], actor: Actor, now: datetime) -> Look:
    """Set columns, with one event that names the fields which change, and says nothing of a person.

    The row is inserted first and then locked, so of two writers the second one sees what the first has written.
    """
    org_id = current_org(db)
    db.execute(upsert(CertificateLook).values(org_id=org_id, updated_at=now).on_conflict_do_nothing())
    mine = select(CertificateLook).where(CertificateLook.org_id == org_id)
    row = db.scalars(mine.with_for_update().execution_options(populate_existing=True)).one()
    changed = sorted(name for name, value in values.items() if getattr(row, name) != value)
    if changed:
        for name in changed:
            setattr(row, name, values[name])
        row.updated_at = now
        db.flush()
        named = [to_camel(name) for name in changed if name not in ("logo_width", "logo_height")]
        data = {"changed": named or ["logo"]}
        events.record(db, actor, now, Fact("organization.certificate_changed", f"organization/{org_id}", data))
    return Look(**{name: getattr(row, name) for name in _FIELDS})
