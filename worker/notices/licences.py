"""The mails about licences: granted, changed, expiring, expired, revoked."""

from dataclasses import replace
from datetime import datetime, timedelta
from operator import itemgetter
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, or_

from shared import clock, deliveries, licences
from shared.deliveries import Columns, DeliveryCode, Notice
from shared.events import Event
from shared.licences import NOTICE_DAYS, Licence
from shared.words import ended_in_words, since_in_words, until_in_words
from worker.notices.situation import STALE_AFTER, Case, Irrelevant, MailKind, Named, Situation


def _granted(at: Situation, case: Case) -> Notice:
    found = _in_force(at, case)
    _need_unexpired(at, found)
    return _notice(at, case, found)


def _expiring(at: Situation, case: Case) -> Notice:
    """Before the end. It helps until the next notice's day has come, however long after its own."""
    found = _in_force(at, case)
    _need_unexpired(at, found)
    _need_same_expiry(case, found)
    days = case.event.data["daysBefore"]
    if any(found.row.expires_at - timedelta(days=later) <= at.now for later in NOTICE_DAYS if later < days):
        raise Irrelevant(DeliveryCode.STALE)
    case.need_news(at, lambda data: (data["expiresAt"], data["daysBefore"]))
    return _notice(at, case, found)


def _expired(at: Situation, case: Case) -> Notice:
    """After the end. An end of some days ago is old news, such as after weeks without training."""
    found = _in_force(at, case)
    _need_same_expiry(case, found)
    expires_at = found.row.expires_at
    if at.now - expires_at > STALE_AFTER:
        raise Irrelevant(DeliveryCode.STALE)
    case.need_news(at, itemgetter("expiresAt"))
    if any(told.type == "licence.changed" and told.recorded_at >= expires_at for told in case.told(at)):
        raise Irrelevant(DeliveryCode.ALREADY_TOLD)  # that mail said that it had ended
    return _notice(at, case, found)


def _changed(at: Situation, case: Case) -> Notice:
    """Another end or beginning. The mail tells an end also if it has passed: the party was told a later one."""
    if case.own_act:
        raise Irrelevant(DeliveryCode.OWN_ACT)
    found = _in_force(at, case)
    licence: Licence = found.row
    now = {"expiresAt": licence.expires_at, "validFrom": licence.valid_from or licence.granted_at}
    if any(datetime.fromisoformat(case.event.data[name]) != now[name] for name in now if name in case.event.data):
        raise Irrelevant(DeliveryCode.LICENCE_CHANGED)
    case.need_told(at)
    former = {name: datetime.fromisoformat(text) for name in now if (text := case.former(at, name)) is not None}
    other = {name: then for name, then in former.items() if then != now[name]}
    if former and not other:
        raise Irrelevant(DeliveryCode.ALREADY_TOLD)
    zone, notice = at.organization.time_zone, _notice(at, case, found)
    if "expiresAt" in other:
        notice = replace(notice, former_until=until_in_words(zone, other["expiresAt"]))
    if "validFrom" in other:
        began, begins = since_in_words(zone, other["validFrom"]), since_in_words(zone, now["validFrom"])
        notice = replace(notice, former_from=began, valid_from=begins)
    return replace(notice, reason=case.event.data["reason"])


def _revoked(at: Situation, case: Case) -> Notice:
    if "mergedWith" in case.event.data:  # its twin is still in force
        raise Irrelevant(DeliveryCode.LICENCE_SUPERSEDED)
    return _notice(at, case, at.licences[case.subject_id])


def other_dates(columns: Columns, meant: ColumnElement[bool]) -> Select[Any]:
    """Addressees: the party, if the licence's end or beginning has changed; else nobody."""
    changed = or_(Event.data.has_key("expiresAt"), Event.data.has_key("validFrom"))
    return deliveries.the_party(columns, and_(meant, changed))


KINDS = (
    MailKind("licence.granted", _granted),
    MailKind("licence.changed", _changed, addressees=other_dates, looks_back=True, corrects=True),
    MailKind("licence.expiring", _expiring, looks_back=True),
    MailKind("licence.expired", _expired, looks_back=True),
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


def _need_same_expiry(case: Case, found: Named) -> None:
    """Raise Irrelevant if the licence's expiry is not that of the event any more."""
    if datetime.fromisoformat(case.event.data["expiresAt"]) != found.row.expires_at:
        raise Irrelevant(DeliveryCode.LICENCE_CHANGED)


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
        ended=ended_in_words(zone, licence.expires_at) if licence.expires_at <= at.now else None,
        code=licences.grouped(licence.code),
    )
