"""Secrets and signatures of webhooks, by the Standard Webhooks rules: a receiver knows that it was us, and that it is
not hearing an old message again.
"""

import base64
import hmac
import secrets
from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256

PREFIX = "whsec_"


def new_secret() -> str:
    """A secret to sign with: 32 random bytes, written as receivers' libraries take them."""
    return PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def headers(message_id: str, body: bytes, signing: Sequence[str], now: datetime) -> list[tuple[bytes, bytes]]:
    """What goes with a message: its id, the same at every attempt, the time, and one signature for each secret."""
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
