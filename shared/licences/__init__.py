"""Licences: the record that a party has been trained.

Owns the tables `licence`, `licence_due`, `sweep`, `record_row` and `certificate_look`. Promises:
- A session grants a party at most one licence that is not revoked.
- At most one licence of a party and course counts, that is: is neither revoked nor superseded.
- A renewal never ends before the licence it renews.
- A revocation is final.
- The sweep publishes each notice and each end exactly once, even if it runs late, several times at once or is killed.

The modules:
- `models`: the three tables, the states of a licence, the rules for its end.
- `schemas`: requests and answers on the wire.
- `queries`: reads for members: lists, one licence, counts; and the SQL conditions that the other modules share.
- `actions`: a member's changes to one licence: lock, correct, revoke.
- `granting`: grants licences to many parties at once, and supersedes their former ones; `grant` is for sessions.
- `completions`: grants and revokes licences for completed assignments, on top of `granting` and `revoking`.
- `records`: records of the past, imported and undone.
- `succession`: which licence counts again, once the one that superseded it is taken back.
- `revoking`: revokes licences that should never have been granted, and restores the ones they superseded.
- `dates`: computes the dates of a licence and their rule, in SQL.
- `explaining`: the dates in a sentence.
- `simulating`: the dates that a policy would give, for a history of trainings.
- `recording`: the events of licences that are granted.
- `regranting`: grants again what a job had taken back along with completions, when that job is undone.
- `revocations`: revokes many licences by a member's job, and grants them again when it is undone.
- `checking`: the licence check: is this party licensed for that course?
- `sweeping`: the runs of the sweep; publishes notices (`licence.expiring`) and ends (`licence.expired`).
- `renewals`: the part of the sweep that selects licences whose course must be assigned again.
- `verification`: finds a licence by its printed code, for people without an account, and reads its printed facts.
- `credentials`: the licence as a signed Open Badges credential, and the status of that credential.
- `keys`: the keys that sign credentials.
- `look`: what an organization's certificates show besides the licence: logo, signatory.
- `links`: signed links with which anybody sees one certificate.
- `history`: what happened to a licence after it was granted, in sentences.
"""

from shared.licences.actions import LicenceRevoked, blank_notes, correct, locked, revoke
from shared.licences.checking import Checked, CheckReason, check, check_on
from shared.licences.completions import grant_on_completion, take_back_completions
from shared.licences.credentials import Issuer, NotEarnedHere, Said, sign_credential, status_document
from shared.licences.granting import Earned, grant, lock_licences
from shared.licences.history import Correction, actor_in_words, list_corrections
from shared.licences.keys import KEYS_PATH, CredentialKeys, CredentialsNotConfigured
from shared.licences.links import (
    CertificateLink,
    CertificateLinkDead,
    CertificateLinks,
    check_certificate_link,
    mint_certificate_link,
)
from shared.licences.look import Look, LookAnswer, LookChange, change_look, clear_logo, get_look, set_logo
from shared.licences.models import NOTICE_DAYS, ExpiryRule, Licence, LicenceDue, LicenceSource, LicenceState, Sweep
from shared.licences.moving import (
    Twins,
    count_of_party,
    lock_of_parties,
    move_licences,
    move_licences_back,
    record_licences,
    record_licences_back,
    twins,
)
from shared.licences.policies import (
    PolicyRequest,
    SimulatedLicence,
    Simulation,
    SimulationRequest,
    TrainingRequest,
)
from shared.licences.queries import (
    Filters,
    LicenceRow,
    LicenceRows,
    Sort,
    any_standing,
    count_lapses,
    get,
    holders,
    list_licences,
    made_by,
    of_session,
    renewal_of,
    results_by_party,
    state_of,
)
from shared.licences.records.deciding import Decision, Terms, decide, know
from shared.licences.records.importing import import_chunk
from shared.licences.records.reading import FIELDS as RECORD_FIELDS
from shared.licences.records.reading import Reading, ReadRow, read_records
from shared.licences.records.schemas import (
    MAX_RECORDS,
    PreviewedRecords,
    PreviewedRow,
    RecordRequest,
    RecordsJob,
    RecordsPreview,
)
from shared.licences.records.storing import (
    drop_cancelled_rows,
    records_made_by,
    rows_as_recipients,
    store_rows,
)
from shared.licences.records.undoing import foresee_undo, undo_records
from shared.licences.regranting import grant_again
from shared.licences.renewals import Renewal, due_renewals
from shared.licences.revocations.deciding import foresee_revoking, revoked_by, select_recipients
from shared.licences.revocations.schemas import BulkRevocationRequest, RevokeJob
from shared.licences.revocations.undoing import foresee_granting_again, grant_chunk_again
from shared.licences.revocations.work import revoke_chunk
from shared.licences.revoking import revoke_earned, revoke_granted, untouched
from shared.licences.schemas import (
    By,
    CheckAnswer,
    CheckedItem,
    CheckRequest,
    Explanation,
    LicenceAnswer,
    LicenceChanges,
    RevocationRequest,
    SweepAnswer,
)
from shared.licences.simulating import Simulated, Trained, simulate
from shared.licences.sweeping import (
    BATCH,
    LATE_AFTER,
    SWEEPER,
    Batch,
    ask_sweep,
    begin_tonight,
    count_renewals,
    finish_sweep,
    get_sweep,
    list_sweeps,
    oldest_sweep,
    organizations_behind,
    organizations_to_sweep,
    sweep_batch,
    tonight,
    unfinished,
)
from shared.licences.verification import (
    CodeUnknown,
    Proof,
    Validity,
    get_proof,
    get_proof_by_code,
    grouped,
    holder_of,
    organization_of,
    read_code,
    validity,
)

__all__ = [
    "RECORD_FIELDS",
    "By",
    "CertificateLink",
    "CertificateLinkDead",
    "CertificateLinks",
    "Correction",
    "Look",
    "actor_in_words",
    "list_corrections",
    "LookAnswer",
    "LookChange",
    "change_look",
    "check_certificate_link",
    "clear_logo",
    "get_look",
    "mint_certificate_link",
    "set_logo",
    "Twins",
    "count_of_party",
    "lock_of_parties",
    "move_licences",
    "move_licences_back",
    "record_licences",
    "record_licences_back",
    "twins",
    "Decision",
    "MAX_RECORDS",
    "PreviewedRecords",
    "PreviewedRow",
    "ReadRow",
    "Reading",
    "RecordRequest",
    "RecordsJob",
    "RecordsPreview",
    "Terms",
    "decide",
    "drop_cancelled_rows",
    "import_chunk",
    "know",
    "read_records",
    "records_made_by",
    "rows_as_recipients",
    "store_rows",
    "foresee_undo",
    "undo_records",
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
    "Explanation",
    "Filters",
    "Issuer",
    "KEYS_PATH",
    "LATE_AFTER",
    "Licence",
    "LicenceAnswer",
    "LicenceChanges",
    "LicenceDue",
    "NOTICE_DAYS",
    "NotEarnedHere",
    "LicenceRevoked",
    "LicenceRow",
    "LicenceRows",
    "LicenceSource",
    "LicenceState",
    "PolicyRequest",
    "Proof",
    "Renewal",
    "RevocationRequest",
    "SWEEPER",
    "Said",
    "Simulated",
    "SimulatedLicence",
    "Simulation",
    "SimulationRequest",
    "Sort",
    "Sweep",
    "SweepAnswer",
    "Trained",
    "TrainingRequest",
    "Validity",
    "any_standing",
    "ask_sweep",
    "begin_tonight",
    "blank_notes",
    "check",
    "check_on",
    "correct",
    "count_renewals",
    "due_renewals",
    "finish_sweep",
    "get_sweep",
    "get",
    "grant",
    "grant_again",
    "holders",
    "grant_on_completion",
    "grouped",
    "holder_of",
    "count_lapses",
    "list_licences",
    "renewal_of",
    "lock_licences",
    "locked",
    "made_by",
    "of_session",
    "organization_of",
    "oldest_sweep",
    "organizations_behind",
    "organizations_to_sweep",
    "get_proof",
    "get_proof_by_code",
    "read_code",
    "results_by_party",
    "revoke",
    "BulkRevocationRequest",
    "RevokeJob",
    "foresee_granting_again",
    "foresee_revoking",
    "grant_chunk_again",
    "revoke_chunk",
    "revoked_by",
    "select_recipients",
    "revoke_earned",
    "revoke_granted",
    "sign_credential",
    "simulate",
    "state_of",
    "status_document",
    "sweep_batch",
    "list_sweeps",
    "take_back_completions",
    "tonight",
    "unfinished",
    "untouched",
    "validity",
]
