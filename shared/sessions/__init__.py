"""Sessions: scheduled sittings of a course version, each with a roster.

Owns the tables `training_session` and `roster_entry`. Promises that a session is completed once and by one job, that
its roster is frozen from the moment completion is accepted, that a roster holds no more than its session's capacity,
and that whoever was taken off by an amendment still stands in it as such. What attending earns, others know: it is
put together in `worker/sessions.py`.
"""

from shared.sessions.actions import SessionCancelled, SessionCompleted, cancel, change, schedule
from shared.sessions.calendar import calendar
from shared.sessions.completion import (
    RosterEmpty,
    SessionNotCompleted,
    amend,
    complete,
    completion_ended,
)
from shared.sessions.models import Attendance, RosterEntry, SessionMode, SessionState, TrainingSession
from shared.sessions.queries import AMEND, COMPLETE, Filters, Seats, get, listed, roster, seats
from shared.sessions.rosters import Addition, add, attend, remove
from shared.sessions.schemas import (
    AmendmentRequest,
    AttendanceRequest,
    CancellationRequest,
    Refusal,
    RosterAnswer,
    RosterEntryAnswer,
    RosterOutcome,
    RosterRequest,
    SessionAnswer,
    SessionChanges,
    SessionRequest,
)
from shared.sessions.work import (
    Amendment,
    amend_roster,
    plan_amendment,
    plan_completion,
    session_of,
    settle_amendment,
    settle_completion,
)

__all__ = [
    "AMEND",
    "COMPLETE",
    "Addition",
    "Amendment",
    "AmendmentRequest",
    "Attendance",
    "AttendanceRequest",
    "CancellationRequest",
    "Filters",
    "Refusal",
    "RosterAnswer",
    "RosterEmpty",
    "RosterEntry",
    "RosterEntryAnswer",
    "RosterOutcome",
    "RosterRequest",
    "Seats",
    "SessionAnswer",
    "SessionCancelled",
    "SessionChanges",
    "SessionCompleted",
    "SessionMode",
    "SessionNotCompleted",
    "SessionRequest",
    "SessionState",
    "TrainingSession",
    "add",
    "amend",
    "amend_roster",
    "attend",
    "calendar",
    "cancel",
    "change",
    "complete",
    "completion_ended",
    "get",
    "listed",
    "plan_amendment",
    "plan_completion",
    "remove",
    "roster",
    "schedule",
    "session_of",
    "settle_amendment",
    "settle_completion",
    "seats",
]
