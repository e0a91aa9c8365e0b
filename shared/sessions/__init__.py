"""Sessions: scheduled sittings of a course version, each with a roster.

Owns the tables `training_session` and `roster_entry`, and guarantees:
- A session is completed once, by one job.
- Once its completion is accepted, its roster changes only by amendments.
- Only an amendment can exceed the session's capacity.
- A party that an amendment removes keeps its entry, which is marked as removed.

`actions` schedules, changes and cancels a session, `rosters` changes its roster, `completion` has the rules of
completing and amending, `work` does a chunk of either.
"""

from shared.sessions.actions import (
    SessionCancelled,
    SessionCompleted,
    SessionNotCancelled,
    cancel,
    change,
    locked,
    locked_whole,
    need_not_cancelled,
    reinstate,
    schedule,
)
from shared.sessions.calendar import calendar_file
from shared.sessions.completion import (
    RosterEmpty,
    SessionNotBegun,
    SessionNotCompleted,
    amendment_lists,
    begin_completion,
    completion_request,
    end_completion,
    need_amendable,
    need_begun,
    record_amendment,
    roster_of,
)
from shared.sessions.models import Attendance, RosterEntry, SessionMode, SessionState, TrainingSession
from shared.sessions.moving import count_of_party, lock_of_parties, move_rosters, move_rosters_back, twins
from shared.sessions.personal import OwnSession, attendance_of, list_personal
from shared.sessions.queries import (
    AMEND,
    COMPLETE,
    Filters,
    Seats,
    count_seats,
    get,
    list_roster,
    list_sessions,
)
from shared.sessions.requests import AmendmentJob, CompletionJob
from shared.sessions.roster_schemas import (
    AttendanceRequest,
    Refusal,
    RosterAnswer,
    RosterEntryAnswer,
    RosterOutcome,
    RosterRequest,
)
from shared.sessions.rosters import Addition, add_to_roster, record_attendance, remove_from_roster
from shared.sessions.schemas import (
    AmendmentRequest,
    CancellationRequest,
    ReinstatementRequest,
    SessionAnswer,
    SessionChanges,
    SessionRequest,
)
from shared.sessions.undoing import attended_by, begin_undo, end_undo, need_to_undo, plan_undo, store_undo_outcomes
from shared.sessions.work import (
    Amendment,
    amend_roster,
    plan_amendment,
    plan_completion,
    store_amendment_outcomes,
    store_completion_outcomes,
)

__all__ = [
    "count_of_party",
    "lock_of_parties",
    "move_rosters",
    "move_rosters_back",
    "twins",
    "add_to_roster",
    "Addition",
    "AMEND",
    "amend_roster",
    "Amendment",
    "amendment_lists",
    "AmendmentJob",
    "AmendmentRequest",
    "record_attendance",
    "Attendance",
    "AttendanceRequest",
    "attendance_of",
    "attended_by",
    "begin_completion",
    "begin_undo",
    "calendar_file",
    "cancel",
    "CancellationRequest",
    "change",
    "COMPLETE",
    "completion_request",
    "CompletionJob",
    "end_completion",
    "end_undo",
    "Filters",
    "get",
    "list_personal",
    "list_sessions",
    "OwnSession",
    "locked",
    "locked_whole",
    "need_amendable",
    "need_to_undo",
    "need_begun",
    "need_not_cancelled",
    "plan_amendment",
    "plan_completion",
    "plan_undo",
    "record_amendment",
    "Refusal",
    "reinstate",
    "ReinstatementRequest",
    "remove_from_roster",
    "list_roster",
    "roster_of",
    "RosterAnswer",
    "RosterEmpty",
    "RosterEntry",
    "RosterEntryAnswer",
    "RosterOutcome",
    "RosterRequest",
    "schedule",
    "Seats",
    "count_seats",
    "SessionAnswer",
    "SessionCancelled",
    "SessionChanges",
    "SessionCompleted",
    "SessionMode",
    "SessionNotCancelled",
    "SessionNotBegun",
    "SessionNotCompleted",
    "SessionRequest",
    "SessionState",
    "store_amendment_outcomes",
    "store_completion_outcomes",
    "store_undo_outcomes",
    "TrainingSession",
]
