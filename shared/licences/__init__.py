"""Licences: the record that a party has been trained.

Owns the tables `licence` and `sweep`. Promises that a session licenses a party at most once, that of a party's
licences of a course at most one counts, that the later end is the one that counts, and that what was revoked stays so.
"""

from shared.licences.granting import Earned, grant
from shared.licences.models import ExpiryRule, Licence, LicenceState, Sweep
from shared.licences.queries import made_by, of_session
from shared.licences.revoking import revoke_earned

__all__ = [
    "Earned",
    "ExpiryRule",
    "Licence",
    "LicenceState",
    "Sweep",
    "grant",
    "made_by",
    "of_session",
    "revoke_earned",
]
