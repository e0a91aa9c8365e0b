"""The mails about licences: granted, expiring, expired, revoked."""

from datetime import datetime, timedelta

from shared import clock, licences
from shared.deliveries import DeliveryCode, Notice
from shared.licences import Licence
from shared.words import ended_in_words, since_in_words, until_in_words
from worker.notices.situation import OF_ONE_DAY, Case, Irrelevant, MailKind, Named, Situation


def _granted(at: Situation, case: Case) -> Notice:
    found = _in_force(at, case)
    _need_unexpired(at, found)
    return _notice(at, case, found)


def _expiring(at: Situation, case: Case) -> Notice:
    found = _in_force(at, case)
    _need_unexpired(at, found)
    _need_same_expiry(at, case, found)
    return _notice(at, case, found)


def _expired(at: Situation, case: Case) -> Notice:
    found = _in_force(at, case)
    _need_same_expiry(at, case, found)
    return _notice(at, case, found)


def _revoked(at: Situation, case: Case) -> Notice:
    return _notice(at, case, at.licences[case.subject_id])


KINDS = (
    MailKind("licence.granted", _granted),
    MailKind("licence.expiring", _expiring, stale_after=OF_ONE_DAY),
    MailKind("licence.expired", _expired, stale_after=OF_ONE_DAY),
    MailKind("licence.revoked", _revoked),
)


def _in_force(at: Situation, case: Case) -> Named:
    """The licence. Raises Irrelevant if it is revoked or superseded."""
    found = at.licences[case.subject_id]
    licence: Licence = found.row
    if licence.revoked_at is not None:
        raise Irrelevant(DeliveryCode.LICENCE_REVOKED)
    if licence.superseded_at is not None:
        raise Irrelevant(DeliveryCode.LICENCE_SUPERSEDED)
    return found


def _need_unexpired(at: Situation, found: Named) -> None:
    if found.row.expires_at <= at.now:
        raise Irrelevant(DeliveryCode.LICENCE_EXPIRED)


def _need_same_expiry(at: Situation, case: Case, found: Named) -> None:
    """Raise Irrelevant if the licence's expiry is not that of the event any more, or the notice's day is long past."""
    expires_at = datetime.fromisoformat(case.event.data["expiresAt"])
    if expires_at != found.row.expires_at:
        raise Irrelevant(DeliveryCode.LICENCE_CHANGED)
    notice_at = expires_at - timedelta(days=case.event.data.get("daysBefore", 0))
    if at.now - notice_at > case.kind.stale_after:
        raise Irrelevant(DeliveryCode.STALE)


def _notice(at: Situation, case: Case, found: Named) -> Notice:
    licence: Licence = found.row
    zone = at.organization.time_zone
    return Notice(
        case.kind.type,
        found.title,
        found.label,
        link=f"{at.settings.public_url}/verify/{licence.code}",
        reason=licence.revocation_reason,
        days=(clock.last_day_in(zone, licence.expires_at) - at.today).days,
        granted_on=clock.day_in(zone, licence.granted_at),
        valid_from=None if licence.valid_from is None else since_in_words(zone, licence.valid_from),
        valid_until=until_in_words(zone, licence.expires_at),
        ended=ended_in_words(zone, licence.expires_at),
        code=licences.grouped(licence.code),
    )
