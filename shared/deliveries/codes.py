"""The closed list of codes: why a delivery is as it is, and the sentence that says so.

A code is never renamed or given another meaning; clients branch on it.
"""

from enum import StrEnum


class DeliveryCode(StrEnum):
    """What became of the last attempt, or why there was none. `state` says whether there will be another."""

    DELIVERED = "delivered"
    HTTP_ERROR = "http-error"
    REDIRECTED = "redirected"
    GONE = "gone"
    TIMED_OUT = "timed-out"
    CONNECTION_FAILED = "connection-failed"
    ADDRESS_REFUSED = "address-refused"
    RECEIVER_DOWN = "receiver-down"
    GIVEN_UP = "given-up"
    WEBHOOK_DISABLED = "webhook-disabled"
    WEBHOOK_REMOVED = "webhook-removed"
    IN_DOUBT = "in-doubt"
    DEFERRED = "deferred"
    SERVER_REFUSED = "server-refused"
    RECIPIENT_REFUSED = "recipient-refused"
    MAIL_REFUSED = "mail-refused"
    ADDRESS_UNUSABLE = "address-unusable"
    FAILED_HERE = "failed-here"
    MAIL_NOT_CONFIGURED = "mail-not-configured"
    PARTY_INACTIVE = "party-inactive"
    PARTY_ERASED = "party-erased"
    NO_ADDRESS = "no-address"
    NOT_WANTED = "not-wanted"
    ASSIGNMENT_COMPLETED = "assignment-completed"
    ASSIGNMENT_CLOSED = "assignment-closed"
    ASSIGNMENT_REASSIGNED = "assignment-reassigned"
    DUE_DATE_CHANGED = "due-date-changed"
    SESSION_OVER = "session-over"
    SESSION_CANCELLED = "session-cancelled"
    NOT_ON_ROSTER = "not-on-roster"
    ON_ROSTER_AGAIN = "on-roster-again"
    LICENCE_SUPERSEDED = "licence-superseded"
    LICENCE_REVOKED = "licence-revoked"
    LICENCE_EXPIRED = "licence-expired"
    LICENCE_CHANGED = "licence-changed"
    NEVER_TOLD = "never-told"
    TOLD_BY_ANOTHER = "told-by-another"
    STALE = "stale"
    DAILY_LIMIT = "daily-limit"

    @property
    def detail(self) -> str:
        """One sentence for people."""
        return _SENTENCES[self]


_SENTENCES: dict[DeliveryCode, str] = {
    DeliveryCode.DELIVERED: "The receiver has accepted it.",
    DeliveryCode.HTTP_ERROR: "The receiver answered with an error status.",
    DeliveryCode.REDIRECTED: "The receiver answered with a redirect, and redirects are not followed.",
    DeliveryCode.GONE: "The receiver answered 410, so the webhook was disabled.",
    DeliveryCode.TIMED_OUT: "The receiver did not answer in time.",
    DeliveryCode.CONNECTION_FAILED: "No connection to the receiver could be made or kept.",
    DeliveryCode.ADDRESS_REFUSED: "The address leads to a place that must not be called.",
    DeliveryCode.RECEIVER_DOWN: "The receiver was down for as long as it is tried.",
    DeliveryCode.GIVEN_UP: "It was begun too often without ever coming to an end.",
    DeliveryCode.WEBHOOK_DISABLED: "The webhook is disabled.",
    DeliveryCode.WEBHOOK_REMOVED: "The webhook was removed.",
    DeliveryCode.IN_DOUBT: "The connection was lost once the mail was handed over; it is handed in again as the same.",
    DeliveryCode.DEFERRED: "The mail server asked to try again later.",
    DeliveryCode.SERVER_REFUSED: "The mail server takes no mail from this service.",
    DeliveryCode.RECIPIENT_REFUSED: "The mail server does not take mail for this recipient.",
    DeliveryCode.MAIL_REFUSED: "The mail server refused the mail for what it contains.",
    DeliveryCode.ADDRESS_UNUSABLE: "The party's e-mail address cannot be written to.",
    DeliveryCode.FAILED_HERE: "Something failed on our side before it was sent.",
    DeliveryCode.MAIL_NOT_CONFIGURED: "This deployment has no mail server to hand mails to.",
    DeliveryCode.PARTY_INACTIVE: "The party is inactive.",
    DeliveryCode.PARTY_ERASED: "The party's name and address were erased.",
    DeliveryCode.NO_ADDRESS: "The party has no e-mail address.",
    DeliveryCode.NOT_WANTED: "Whoever asked for the job wanted nobody to be notified.",
    DeliveryCode.ASSIGNMENT_COMPLETED: "The assignment was completed meanwhile.",
    DeliveryCode.ASSIGNMENT_CLOSED: "The assignment was closed meanwhile.",
    DeliveryCode.ASSIGNMENT_REASSIGNED: "The assignment was given to another party meanwhile.",
    DeliveryCode.DUE_DATE_CHANGED: "The assignment has another due date by now.",
    DeliveryCode.SESSION_OVER: "The session is over, or being completed.",
    DeliveryCode.SESSION_CANCELLED: "The session was cancelled meanwhile.",
    DeliveryCode.NOT_ON_ROSTER: "The party is no longer on the roster.",
    DeliveryCode.ON_ROSTER_AGAIN: "The party is on the roster again.",
    DeliveryCode.LICENCE_SUPERSEDED: "A later licence of the course stands for it.",
    DeliveryCode.LICENCE_REVOKED: "The licence was revoked meanwhile.",
    DeliveryCode.LICENCE_EXPIRED: "The licence has expired meanwhile.",
    DeliveryCode.LICENCE_CHANGED: "The licence ends on another day by now.",
    DeliveryCode.NEVER_TOLD: "The party was never invited, so there is nothing to take back.",
    DeliveryCode.TOLD_BY_ANOTHER: "A later notice says it.",
    DeliveryCode.STALE: "It is too old to be told.",
    DeliveryCode.DAILY_LIMIT: "The party got as many mails as it may within 24 hours.",
}


def sentence(code: str | None) -> str | None:
    """The sentence of a code as it stands in a row."""
    return None if code is None else DeliveryCode(code).detail
