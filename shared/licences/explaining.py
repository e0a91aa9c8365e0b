"""Explains the dates of a licence in a sentence: from what they follow, and by which rule.

Everything that it quotes is stored with the licence, so that a later change of the course's policy or of a former
licence changes no explanation. Days are those of the organization's zone, as on the certificate.
"""

from dataclasses import dataclass
from datetime import datetime

from shared import clock
from shared.catalogue import LicenceEnds
from shared.licences.models import ExpiryRule
from shared.words import day_in_words, since_in_words, until_in_words

_ROUNDED = {LicenceEnds.END_OF_DAY: ", to the end of the day", LicenceEnds.END_OF_MONTH: ", to the end of the month"}


@dataclass(frozen=True)
class Dated:
    """The dates of a licence and how they came about: as stored with it. earned: for what it was granted.

    issuer: of a record, who says so; recorded: True for a record, which was not earned here.

    counted_from: the instant from which the months count; for a kept end, that end; None after a correction.
    """

    earned: str
    granted_at: datetime
    begins_at: datetime
    expires_at: datetime
    rule: ExpiryRule
    months: int | None
    counted_from: datetime | None
    ends: str | None
    recorded: bool = False
    issuer: str | None = None


def explain(dated: Dated, zone: str) -> str:
    """Returns the sentences. zone: the organization's."""
    day = day_in_words(clock.day_in(zone, dated.granted_at))
    granted = f"Granted on {day} for {dated.earned}; "
    if dated.recorded:
        says = f" by {dated.issuer}" if dated.issuer else ""
        granted = f"Earned elsewhere or before, as certified{says}; recorded on {day}; "
        granted = granted if dated.issuer else f"Earned elsewhere or before; recorded on {day}; "
    valid = f" Valid until {until_in_words(zone, dated.expires_at)}."
    if dated.begins_at != dated.granted_at:
        valid = f" Valid from {since_in_words(zone, dated.begins_at)} until {until_in_words(zone, dated.expires_at)}."
    return granted + _rule(dated, zone) + valid


def _rule(dated: Dated, zone: str) -> str:
    rounded = _ROUNDED.get(LicenceEnds(dated.ends), "") if dated.ends else ""
    lasts = f"it lasts {dated.months} calendar month{'' if dated.months == 1 else 's'} from"
    since = dated.counted_from or dated.granted_at
    match dated.rule:
        case ExpiryRule.MONTHS_FROM_GRANT:
            return f"{lasts} {'that day' if rounded else 'that moment'}{rounded}."
        case ExpiryRule.MONTHS_FROM_TRAINING:
            return f"{lasts} the end of the training on {since_in_words(zone, since)}{rounded}."
        case ExpiryRule.MONTHS_FROM_ANNIVERSARY:
            former = until_in_words(zone, since)
            return f"renewed in time, {lasts} the end of the former licence on {former}{rounded}."
        case ExpiryRule.LATER_EXPIRY:
            former = until_in_words(zone, since)
            return f"the licence that it renews ends later, so that end on {former} is kept."
        case ExpiryRule.RECORDED:
            return "it ends as the record says."
        case ExpiryRule.CORRECTED:
            return "its end was corrected by hand."
