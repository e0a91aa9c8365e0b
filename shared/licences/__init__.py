"""Licences: the record that a party has been trained.

Owns the tables `licence` and `sweep`. Promises that a session licenses a party at most once, that of a party's
licences of a course at most one counts, that the later end is the one that counts, and that what was revoked stays so.
Outside, a licence proves itself by its printed code, in the few facts it stands for, and by a signed credential.
"""

from shared.licences.credentials import Issuer, signed, status
from shared.licences.granting import Earned, grant
from shared.licences.keys import KEYS_PATH, CredentialKeys, CredentialsNotConfigured
from shared.licences.models import ExpiryRule, Licence, LicenceState, Sweep
from shared.licences.queries import made_by, of_session
from shared.licences.revoking import revoke_earned
from shared.licences.verification import (
    CodeUnknown,
    Proof,
    Validity,
    grouped,
    holder_of,
    organization_of,
    proof,
    proof_by_code,
    read_code,
    validity,
)

__all__ = [
    "KEYS_PATH",
    "CodeUnknown",
    "CredentialKeys",
    "CredentialsNotConfigured",
    "Earned",
    "ExpiryRule",
    "Issuer",
    "Licence",
    "LicenceState",
    "Proof",
    "Sweep",
    "Validity",
    "grant",
    "grouped",
    "holder_of",
    "made_by",
    "of_session",
    "organization_of",
    "proof",
    "proof_by_code",
    "read_code",
    "revoke_earned",
    "signed",
    "status",
    "validity",
]
