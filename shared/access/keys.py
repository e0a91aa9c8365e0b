"""A cache of the identity provider's published keys.

It limits how often a flood of unknown key ids fetches them, and keeps the last keys during an outage of the provider.
PyJWT's client does the fetching but not the caching: its own cache, once a fetch has failed, fetches again for every
unknown key id while it holds a lock. A hung provider, or a caller who invents key ids, would then block all requests.
"""

from threading import Lock
from time import monotonic

import jwt

from shared.access.caller import Unauthenticated
from shared.errors import Unavailable

FRESH_SECONDS = 300
"""Age after which the keys are fetched again; a withdrawn key is accepted for this long."""
REST_SECONDS = 30
"""Minimum time between two fetches, whatever key ids are invented."""
REST_AFTER_FAILURE_SECONDS = 2
FETCH_TIMEOUT_SECONDS = 3


class PublishedKeys:
    """The keys at one address. While it is unreachable, the last keys stay valid, and only one request waits for it.

    lone: True if a token without a key id may be verified with the only key, should there be just one.
    """

    def __init__(self, url: str, *, lone: bool = False) -> None:
        self._lone = lone
        self._page = jwt.PyJWKClient(url, cache_jwk_set=False, timeout=FETCH_TIMEOUT_SECONDS)
        self._lock = Lock()
        self._keys: dict[str | None, jwt.PyJWK] = {}
        self._stale_at = self._rests_until = monotonic()
        self._away = False
        self.version = 0
        """Raised each time the keys are fetched."""

    @property
    def fresh_seconds(self) -> float:
        """The time until the keys are to be fetched again, 0 if that time has come."""
        return max(0.0, self._stale_at - monotonic())

    def find(self, kid: str | None) -> jwt.PyJWK:
        """Returns the key with this id. Raises Unauthenticated if it is not published, Unavailable if unknown."""
        wanted = kid not in self._keys or monotonic() >= self._stale_at
        if wanted and self._lock.acquire(blocking=not self._keys):
            try:
                if monotonic() >= self._rests_until:
                    self._fetch()
            finally:
                self._lock.release()
        key = self._keys.get(kid)
        if key is None and kid is None and self._lone and len(self._keys) == 1:
            (key,) = self._keys.values()
        if key is not None:
            return key
        if self._away:
            raise Unavailable("The keys that verify tokens cannot be fetched at the moment.")
        raise Unauthenticated("The token is not valid for this service.")

    def _fetch(self) -> None:
        try:
            found = self._page.get_jwk_set().keys if self._lone else self._page.get_signing_keys()
            self._keys = {key.key_id: key for key in found if key.public_key_use in ("sig", None)}
        except (jwt.PyJWTError, ValueError):  # unreachable, or its response is no set of keys
            self._away = True
            self._rests_until = monotonic() + REST_AFTER_FAILURE_SECONDS
        else:
            self.version += 1
            self._away = False
            self._rests_until = monotonic() + REST_SECONDS
            self._stale_at = monotonic() + FRESH_SECONDS
