"""Licences: the record that a party has been trained.

Owns the tables `licence`, `licence_due` and `sweep`. Promises that a session licenses a party at most once, that of a
party's licences of a course at most one counts, that the later end is the one that counts, that what was revoked stays
so, and that the sweep tells of every notice and every end exactly once, however often, late or broken off it runs.
Outside, a licence proves itself by its printed code, in the few facts it stands for, and by a signed credential.
"""

from shared.licences.actions import LicenceRevoked, correct, locked, revoke
from shared.licences.checking import Checked, CheckReason, check
from shared.licences.completions import grant_on_completion, take_back_completions
from shared.licences.credentials import Issuer, signed, status
from shared.licences.granting import Earned, grant, lock
from shared.licences.keys import KEYS_PATH, CredentialKeys, CredentialsNotConfigured
from shared.licences.models import ExpiryRule, Licence, LicenceDue, LicenceState, Sweep
from shared.licences.queries import Filters, Sort, get, lapses, listed, made_by, of_session, state_of
from shared.licences.renewals import Renewal, due_renewals
from shared.licences.revoking import revoke_earned
from shared.licences.schemas import (
    CheckAnswer,
    CheckedItem,
    CheckRequest,
    LicenceAnswer,
    LicenceChanges,
    RevocationRequest,
    SweepAnswer,
)
from shared.licences.sweeping import (
    BATCH,
    LATE_AFTER,
    SWEEPER,
    Batch,
    ask_sweep,
    begin_tonight,
    count_renewals,
    finish_sweep,
    organizations_behind,
    organizations_to_sweep,
    sweep_batch,
    sweeps,
    tonight,
    unfinished,
)
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
    "BATCH",
    "Batch",
    "CheckAnswer",
    "CheckReason",
    "CheckRequest",
    "Checked",
    "CheckedItem",
    "CodeUnknown",
    "CredentialKeys",
    "CredentialsNotConfigured",
    "Earned",
    "ExpiryRule",
    "Filters",
    "Issuer",
    "KEYS_PATH",
    "LATE_AFTER",
    "Licence",
    "LicenceAnswer",
    "LicenceChanges",
    "LicenceDue",
    "LicenceRevoked",
    "LicenceState",
    "Proof",
    "Renewal",
    "RevocationRequest",
    "SWEEPER",
    "Sort",
    "Sweep",
    "SweepAnswer",
    "Validity",
    "ask_sweep",
    "begin_tonight",
    "check",
    "correct",
    "count_renewals",
    "due_renewals",
    "finish_sweep",
    "get",
    "grant",
    "grant_on_completion",
    "grouped",
    "holder_of",
    "lapses",
    "lock",
    "listed",
    "locked",
    "made_by",
    "of_session",
    "organization_of",
    "organizations_behind",
    "organizations_to_sweep",
    "proof",
    "proof_by_code",
    "read_code",
    "revoke",
    "revoke_earned",
    "signed",
    "state_of",
    "status",
    "sweep_batch",
    "sweeps",
    "take_back_completions",
    "tonight",
    "unfinished",
    "validity",
]
