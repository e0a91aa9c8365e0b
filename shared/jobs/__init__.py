"""Jobs: requests accepted now and carried out by workers.

Owns the tables `job`, `job_chunk` and `job_outcome`. Promises that every recipient of an accepted job ends
with exactly one outcome, whatever workers, messages or Redis do meanwhile: a job never gets stuck, and a bad
recipient never fails its neighbours. What the work is, the nouns above say; this slice only carries it.
"""

from shared.jobs.actions import (
    CannotUndo,
    IdempotencyKeyReused,
    JobFinished,
    NotAwaitingApproval,
    NothingToRetry,
    OtherMemberNeeded,
    Submission,
    approve,
    cancel,
    reject,
    replayed,
    request_hash,
    retry,
    submit,
    undo,
)
from shared.jobs.models import FINAL_STATES, ChunkState, Job, JobChunk, JobOutcome, JobState, Outcome
from shared.jobs.outcomes import OutcomeCode
from shared.jobs.queries import counts, get, newest, organizations_with_due_jobs, results
from shared.jobs.schemas import JobAnswer, ResultAnswer
from shared.jobs.work import (
    ATTEMPTS_BEFORE_SPLIT,
    Chunk,
    Claim,
    Tally,
    claim,
    end_cancelled,
    finish,
    free_places,
    isolate,
    lock,
    release,
)

__all__ = [
    "ATTEMPTS_BEFORE_SPLIT",
    "FINAL_STATES",
    "CannotUndo",
    "Chunk",
    "ChunkState",
    "Claim",
    "IdempotencyKeyReused",
    "Job",
    "JobAnswer",
    "JobChunk",
    "JobFinished",
    "JobOutcome",
    "JobState",
    "NotAwaitingApproval",
    "NothingToRetry",
    "OtherMemberNeeded",
    "Outcome",
    "OutcomeCode",
    "ResultAnswer",
    "Submission",
    "Tally",
    "approve",
    "cancel",
    "claim",
    "counts",
    "end_cancelled",
    "finish",
    "free_places",
    "get",
    "isolate",
    "lock",
    "newest",
    "organizations_with_due_jobs",
    "reject",
    "release",
    "replayed",
    "request_hash",
    "results",
    "retry",
    "submit",
    "undo",
]
