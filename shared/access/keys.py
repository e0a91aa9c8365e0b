"""The identity provider's published keys, kept between requests so that neither a flood nor an outage reaches through.

PyJWT's own client asks again for every unknown key id once a fetch has failed, with a lock held meanwhile: a provider
that hangs, or a sender of invented ids beside one, would then hold up everybody's requests.
"""

from threading import Lock
from time import monotonic

import jwt

from shared.access.caller import Unauthenticated
from shared.errors import Unavailable

FRESH_SECONDS = 300
"""After this the keys are asked for again: so long a withdrawn key stays good."""
REST_SECONDS = 30
"""How long after a fetch no other is made, whatever key ids are invented."""
REST_AFTER_FAILURE_SECONDS = 2
FETCH_TIMEOUT_SECONDS = 3


class PublishedKeys:
    """The keys at one address. While it cannot be reached, the keys fetched last stay good, and nobody waits for it."""

    def __init__(self, url: str) -> None:
        self._page = jwt.PyJWKClient(url, cache_jwk_set=False, timeout=FETCH_TIMEOUT_SECONDS)
        self._lock = Lock()
        self._keys: dict[str | None, jwt.PyJWK] = {}
        self._stale_at = self._rests_until = monotonic()
        self._away = False

    def find(self, kid: str | None) -> jwt.PyJWK:
        """The key with this id. Raises Unauthenticated when it is not published, Unavailable when that is not known."""
        wanted = kid not in self._keys or monotonic() >= self._stale_at
        if wanted and self._lock.acquire(blocking=not self._keys):
            try:
                if monotonic() >= self._rests_until:
                    self._fetch()
            finally:
                self._lock.release()
        if key := self._keys.get(kid):
            return key
        if self._away:
            raise Unavailable("The keys that verify tokens cannot be fetched at the moment.")
        raise Unauthenticated("The token is not valid for this service.")

    def _fetch(self) -> None:
        try:
            self._keys = {key.key_id: key for key in self._page.get_signing_keys()}
        except (jwt.PyJWTError, ValueError):  # it cannot be reached, or what it sends is no set of keys
            self._away = True
            self._rests_until = monotonic() + REST_AFTER_FAILURE_SECONDS
        else:
            self._away = False
            self._rests_until = monotonic() + REST_SECONDS
            self._stale_at = monotonic() + FRESH_SECONDS
