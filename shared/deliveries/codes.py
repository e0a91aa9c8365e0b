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
}


def sentence(code: str | None) -> str | None:
    """The sentence of a code as it stands in a row."""
    return None if code is None else DeliveryCode(code).detail
