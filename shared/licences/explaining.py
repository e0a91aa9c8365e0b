"""Explains the dates of a licence in a sentence: from what they follow, and by which rule.

Everything that it quotes is stored with the licence, so that a later change of the course's policy or of a former
licence changes no explanation. Days are those of the organization's zone, as on the certificate.
"""

from dataclasses import dataclass
from datetime import datetime

from shared import clock
from shared.catalogue import LicenceEnds
from shared.licences.models import ExpiryRule
from shared.texts import N_, reader
from shared.words import day_in_words, in_words, since_in_words, until_in_words

_ROUNDED = {
    LicenceEnds.END_OF_DAY: N_(", to the end of the day"),
    LicenceEnds.END_OF_MONTH: N_(", to the end of the month"),
}


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
    """Returns the sentences, in the language of the reader. zone: the organization's."""
    return " ".join((_origin(dated, zone), _rule(dated, zone), _validity(dated, zone)))


def _origin(dated: Dated, zone: str) -> str:
    day = day_in_words(clock.day_in(zone, dated.granted_at))
    if not dated.recorded:
        return in_words(N_("Granted on %(day)s for %(earned)s;"), day=day, earned=reader().text(dated.earned))
    if not dated.issuer:
        return in_words(N_("Earned elsewhere or before; recorded on %(day)s;"), day=day)
    return in_words(
        N_("Earned elsewhere or before, as certified by %(issuer)s; recorded on %(day)s;"), issuer=dated.issuer, day=day
    )


def _validity(dated: Dated, zone: str) -> str:
    until = until_in_words(zone, dated.expires_at)
    if dated.begins_at == dated.granted_at:
        return in_words(N_("Valid until %(until)s."), until=until)
    since = since_in_words(zone, dated.begins_at)
    return in_words(N_("Valid from %(since)s until %(until)s."), since=since, until=until)


def _rule(dated: Dated, zone: str) -> str:
    since = dated.counted_from or dated.granted_at
    ends = LicenceEnds(dated.ends) if dated.ends else LicenceEnds.INSTANT
    rounded = reader().text(_ROUNDED[ends]) if ends in _ROUNDED else ""
    match dated.rule:
        case ExpiryRule.MONTHS_FROM_GRANT:
            which = _FROM_DAY if rounded else _FROM_MOMENT
            return _lasts(which, dated, rounded=rounded)
        case ExpiryRule.MONTHS_FROM_TRAINING:
            return _lasts(_FROM_TRAINING, dated, since=since_in_words(zone, since), rounded=rounded)
        case ExpiryRule.MONTHS_FROM_ANNIVERSARY:
            return _lasts(_FROM_FORMER, dated, since=until_in_words(zone, since), rounded=rounded)
        case ExpiryRule.LATER_EXPIRY:
            kept = N_("the licence that it renews ends later, so that end on %(since)s is kept.")
            return in_words(kept, since=until_in_words(zone, since))
        case ExpiryRule.RECORDED:
            return reader().text(N_("it ends as the record says."))
        case ExpiryRule.CORRECTED:
            return reader().text(N_("its end was corrected by hand."))


_FROM_MOMENT = N_("it lasts %(months)s from that moment%(rounded)s.")
_FROM_DAY = N_("it lasts %(months)s from that day%(rounded)s.")
_FROM_TRAINING = N_("it lasts %(months)s from the end of the training on %(since)s%(rounded)s.")
_FROM_FORMER = N_("renewed in time, it lasts %(months)s from the end of the former licence on %(since)s%(rounded)s.")


def _lasts(text: str, dated: Dated, **values: str) -> str:
    """A sentence about a number of calendar months."""
    number = dated.months or 0
    months = reader().texts("%(num)d calendar month", "%(num)d calendar months", number) % {"num": number}
    return in_words(text, months=months, **values)
