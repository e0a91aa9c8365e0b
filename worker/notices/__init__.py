"""Notices: the mails about events. Decides just before sending if a notice is still true, and collects its facts.

To add a mail for an event type:
1. Declare a `MailKind` in the module of its noun (`assignments.py`, `sessions.py`, `licences.py`): the recipients, and
   the function that checks if it is still true and returns its facts.
2. Write its words in `shared/deliveries/mail_templates/<event type>.txt`.

Nothing else names the types: the planner reads `MAILED`, the sender calls `notice`, and the digest takes every notice.
A mail about another noun also needs its rows in `Situation` and `look`.
"""

from collections.abc import Mapping

from shared.deliveries import Addressees, Claimed, DeliveryCode, Notice
from worker.notices import assignments, licences, sessions
from worker.notices.lookup import look
from worker.notices.situation import STALE_AFTER, Case, Irrelevant, MailKind, Situation

KINDS: Mapping[str, MailKind] = {kind.type: kind for kind in (*assignments.KINDS, *sessions.KINDS, *licences.KINDS)}
"""Every mail, by the type of its event."""

MAILED: dict[str, Addressees] = {kind.type: kind.addressees for kind in KINDS.values()}
"""The event types that are sent by mail, each with its addressees."""


def notice(situation: Situation, claimed: Claimed) -> Notice:
    """The notice of one delivery, as things are now. Raises Irrelevant."""
    event, party = situation.events[claimed.sequence], situation.parties.get(claimed.receiver)
    if party is None or party.erased_at is not None:
        raise Irrelevant(DeliveryCode.PARTY_ERASED)
    if not party.active:
        raise Irrelevant(DeliveryCode.PARTY_INACTIVE)
    if not party.email:
        raise Irrelevant(DeliveryCode.NO_ADDRESS)
    kind = KINDS[event.type]
    if situation.now - event.recorded_at > STALE_AFTER:
        raise Irrelevant(DeliveryCode.STALE)
    return kind.notice(situation, Case(kind, event, party))


def replaces(one: str, other: str) -> bool:
    """True if a later notice of type `one` says all that an earlier one of type `other` about its subject says."""
    return not KINDS[other].corrects or KINDS[one].corrects or KINDS[one].withdraws


__all__ = ["KINDS", "MAILED", "Irrelevant", "MailKind", "Situation", "look", "notice", "replaces"]
