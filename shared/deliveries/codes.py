"""The closed list of delivery codes. A code says why a delivery is in its state; clients branch on it.

A code is never renamed or given another meaning. To add one, add a line to `DeliveryCode`: its code and its sentence.
"""

from enum import StrEnum
from typing import Self


class DeliveryCode(StrEnum):
    """The result of the last attempt, or the reason why there was none. `state` says if another attempt follows.

    detail: one sentence for people.
    """

    detail: str

    def __new__(cls, code: str, detail: str = "") -> Self:
        """Make a member. The default only lets mypy accept `DeliveryCode("gone")`; every code has a sentence."""
        member = str.__new__(cls, code)
        member._value_ = code
        member.detail = detail
        return member

    # --- both channels

    DELIVERED = "delivered", "The receiver has accepted it."
    TIMED_OUT = "timed-out", "The receiver did not answer in time."
    CONNECTION_FAILED = "connection-failed", "No connection to the receiver could be made or kept."
    GIVEN_UP = "given-up", "The attempt was started too often without ever being finished."

    # --- webhooks

    HTTP_ERROR = "http-error", "The receiver answered with an error status."
    REDIRECTED = "redirected", "The receiver answered with a redirect, and redirects are not followed."
    GONE = "gone", "The receiver answered 410, so the webhook was disabled."
    ADDRESS_REFUSED = "address-refused", "The webhook's address leads to a place that must not be called."
    RECEIVER_DOWN = "receiver-down", "The receiver was unavailable for three days, so no attempt was made."
    WEBHOOK_DISABLED = "webhook-disabled", "The webhook is disabled."
    WEBHOOK_REMOVED = "webhook-removed", "The webhook was removed."

    # --- mails: the mail server's answer

    IN_DOUBT = (
        "in-doubt",
        "The connection was lost after the mail was handed over; it is handed over again with the same Message-ID.",
    )
    DEFERRED = "deferred", "The mail server asked to try again later."
    SERVER_REFUSED = "server-refused", "The mail server takes no mail from this service."
    RECIPIENT_REFUSED = "recipient-refused", "The mail server does not take mail for this recipient."
    MAIL_REFUSED = "mail-refused", "The mail server refused the mail because of its contents."

    # --- mails: not handed over

    ADDRESS_UNUSABLE = "address-unusable", "The party's e-mail address is not valid."
    FAILED_HERE = "failed-here", "An error on our side prevented it from being sent."
    MAIL_NOT_CONFIGURED = "mail-not-configured", "Mail is switched off in this deployment."
    PARTY_INACTIVE = "party-inactive", "The party is inactive."
    PARTY_ERASED = "party-erased", "The party's name and address were erased."
    NO_ADDRESS = "no-address", "The party has no e-mail address."
    NOT_WANTED = "not-wanted", "The job was requested without notifications."
    DAILY_LIMIT = "daily-limit", "The party has received the maximum number of mails within 24 hours."
    STALE = "stale", "The notice is too old to be sent."
    TOLD_BY_ANOTHER = "told-by-another", "A later notice in the same mail replaces it."
    ALREADY_TOLD = "already-told", "An earlier mail told the party the same, or there is nothing new to tell."
    NEVER_TOLD = "never-told", "No mail ever told the party of it, so there is no change to tell."
    OWN_ACT = "own-act", "The party did it itself."

    # --- mails: no longer true when the mail was due

    ASSIGNMENT_COMPLETED = "assignment-completed", "The assignment has been completed meanwhile."
    ASSIGNMENT_CLOSED = "assignment-closed", "The assignment has been closed meanwhile."
    ASSIGNMENT_REASSIGNED = "assignment-reassigned", "The assignment has been reassigned to another party meanwhile."
    ASSIGNMENT_OPEN = "assignment-open", "The assignment has been reopened meanwhile."
    DUE_DATE_CHANGED = "due-date-changed", "The assignment's due date has been changed meanwhile."
    SESSION_OVER = "session-over", "The session is over or is being completed."
    SESSION_CANCELLED = "session-cancelled", "The session has been cancelled meanwhile."
    SESSION_REINSTATED = "session-reinstated", "The session takes place after all."
    NOT_ON_ROSTER = "not-on-roster", "The party is no longer on the roster."
    ON_ROSTER_AGAIN = "on-roster-again", "The party is on the roster again."
    LICENCE_SUPERSEDED = "licence-superseded", "A later licence for the course has superseded it."
    LICENCE_REVOKED = "licence-revoked", "The licence has been revoked meanwhile."
    LICENCE_EXPIRED = "licence-expired", "The licence has expired meanwhile."
    LICENCE_CHANGED = "licence-changed", "The licence's expiry date has been changed meanwhile."


def sentence(code: str | None) -> str | None:
    """The sentence of a code as it is stored in a row; None if there is none yet."""
    return None if code is None else DeliveryCode(code).detail
