"""Secrets and signatures of webhooks, by the Standard Webhooks rules. With them a receiver can verify that a message
comes from us and is not an old message sent again.

Why not the library standardwebhooks (1.1): it signs text, not bytes, with one secret per object, and makes neither
secrets nor headers, so about half of this file would remain. It takes a datetime's wall time for UTC whatever its zone.
The speed is the same (6 µs here, 7 to 10 µs there). The tests verify our signatures with it.
"""

import base64
import hmac
import secrets
from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256

PREFIX = "whsec_"


def new_secret() -> str:
    """A new signing secret: 32 random bytes, in the text form that receivers' libraries expect."""
    return PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def headers(message_id: str, body: bytes, signing: Sequence[str], now: datetime) -> list[tuple[bytes, bytes]]:
    """The headers of a message: its id (the same at every attempt), the time, and one signature per secret."""
    timestamp = b"%d" % now.timestamp()
    signed = b".".join((message_id.encode(), timestamp, body))
    return [
        (b"webhook-id", message_id.encode()),
        (b"webhook-timestamp", timestamp),
        (b"webhook-signature", b" ".join(_signature(secret, signed) for secret in signing)),
    ]


def _signature(secret: str, signed: bytes) -> bytes:
    key = base64.b64decode(secret.removeprefix(PREFIX))
    return b"v1," + base64.b64encode(hmac.digest(key, signed, sha256))
