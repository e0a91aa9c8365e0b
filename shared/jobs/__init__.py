"""Jobs: requests accepted now and carried out by workers.

Owns the tables `job`, `job_chunk` and `job_outcome`. Guarantees that every recipient of an accepted job gets exactly
one outcome, even if workers die or messages are lost: no job stays unfinished, and a bad recipient fails no other one.

`actions` submits and cancels jobs, `approving` approves and rejects them, `work` claims and splits
chunks, `settling` adds their outcomes to the job, `kinds` holds the declarations of kinds.
"""

from shared.idempotency import IdempotencyKeyReused, Key
from shared.jobs.actions import (
    LARGEST_CHUNK,
    SMALLEST_CHUNK,
    UNDO_WITHIN,
    Accepted,
    CannotUndo,
    JobFinished,
    NothingToRetry,
    Submission,
    cancel,
    failed_recipients,
    need_undoable,
    replayed,
    submit,
    undo_of,
)
from shared.jobs.approving import (
    REJECTED,
    NotAwaitingApproval,
    OtherMemberNeeded,
    Refused,
    approve,
    note_refusal,
    reject,
)
from shared.jobs.chunks import Chunk, Claim, Tally, whole
from shared.jobs.kinds import KINDS, Foreseen, Kind, Undo, call_on_end, declare, kind_of
from shared.jobs.models import FINAL_STATES, ChunkState, Job, JobChunk, JobOutcome, JobState, JobTurn, Outcome
from shared.jobs.outcomes import OutcomeCode
from shared.jobs.queries import (
    counts,
    get,
    list_jobs,
    list_results,
    oldest_waiting,
    organizations_in_turn,
    organizations_with_due_jobs,
    results_by_party,
)
from shared.jobs.requests import JobRequest, Recipients
from shared.jobs.schemas import JobAnswer, ResultAnswer
from shared.jobs.settling import end_cancelled, finish, store_outcomes
from shared.jobs.sight import Seen, Sight, explained_results, get_seen, list_seen, need_whole, seen_results
from shared.jobs.waiting import NotYet, need_no_other_work
from shared.jobs.work import ATTEMPTS_ALONE, ATTEMPTS_BEFORE_SPLIT, claim, isolate, lock, release

__all__ = [
    "REJECTED",
    "explained_results",
    "NotYet",
    "need_no_other_work",
    "Accepted",
    "approve",
    "ATTEMPTS_ALONE",
    "ATTEMPTS_BEFORE_SPLIT",
    "call_on_end",
    "cancel",
    "CannotUndo",
    "Chunk",
    "ChunkState",
    "Claim",
    "claim",
    "counts",
    "declare",
    "end_cancelled",
    "failed_recipients",
    "FINAL_STATES",
    "finish",
    "Foreseen",
    "get",
    "get_seen",
    "IdempotencyKeyReused",
    "isolate",
    "Job",
    "JobAnswer",
    "JobChunk",
    "JobFinished",
    "JobOutcome",
    "JobRequest",
    "JobState",
    "JobTurn",
    "Key",
    "Kind",
    "kind_of",
    "KINDS",
    "LARGEST_CHUNK",
    "list_jobs",
    "list_results",
    "list_seen",
    "lock",
    "need_undoable",
    "note_refusal",
    "need_whole",
    "NotAwaitingApproval",
    "NothingToRetry",
    "oldest_waiting",
    "organizations_in_turn",
    "organizations_with_due_jobs",
    "OtherMemberNeeded",
    "Outcome",
    "OutcomeCode",
    "Recipients",
    "Refused",
    "reject",
    "release",
    "replayed",
    "results_by_party",
    "ResultAnswer",
    "Seen",
    "seen_results",
    "Sight",
    "SMALLEST_CHUNK",
    "store_outcomes",
    "Submission",
    "submit",
    "Tally",
    "Undo",
    "UNDO_WITHIN",
    "undo_of",
    "whole",
]
