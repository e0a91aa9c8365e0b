"""Assignments: one party owes one course version, with a reason, an actor and perhaps a due date.

Owns the table `assignment`. Promises at most one open assignment for a party and version, that an assignment
stays bound to the version that was active at submission, that a completion is recorded once, with its real actor,
and that it all outlives the member who made it. `actions` change one, `work` and `changes` thousands.
"""

from shared.assignments.actions import (
    AlreadyAssigned,
    AssignmentClosed,
    AssignmentCompleted,
    AssignmentOpen,
    Completion,
    close,
    complete,
    edit,
    locked,
    reassign,
    reopen,
)
from shared.assignments.changes import BY_ASSIGNMENT, BY_PARTY
from shared.assignments.changes import close as close_chunk
from shared.assignments.changes import complete as complete_chunk
from shared.assignments.changes import undo as undo_chunk
from shared.assignments.models import Assignment, AssignmentState, CompletionMethod
from shared.assignments.queries import (
    Filters,
    Sort,
    Terms,
    by_party,
    classified,
    counted,
    get,
    listed,
    made_by,
    recipients,
    summary,
    to_undo,
)
from shared.assignments.schemas import (
    MAX_RECIPIENTS,
    AssignmentAnswer,
    AssignmentChanges,
    AssignmentRequest,
    BulkCloseRequest,
    BulkCompletionRequest,
    CompletionRequest,
    Preview,
    PreviewOutcome,
    ReasonRequest,
    ReassignRequest,
    Recipient,
    SessionTaskRequest,
    SummaryAnswer,
)
from shared.assignments.work import assign, terms

__all__ = [
    "BY_ASSIGNMENT",
    "BY_PARTY",
    "MAX_RECIPIENTS",
    "AlreadyAssigned",
    "Assignment",
    "AssignmentAnswer",
    "AssignmentChanges",
    "AssignmentClosed",
    "AssignmentCompleted",
    "AssignmentOpen",
    "AssignmentRequest",
    "AssignmentState",
    "BulkCloseRequest",
    "BulkCompletionRequest",
    "Completion",
    "CompletionMethod",
    "CompletionRequest",
    "Filters",
    "Preview",
    "PreviewOutcome",
    "ReasonRequest",
    "ReassignRequest",
    "Recipient",
    "SessionTaskRequest",
    "Sort",
    "SummaryAnswer",
    "Terms",
    "assign",
    "by_party",
    "classified",
    "close",
    "close_chunk",
    "complete",
    "complete_chunk",
    "counted",
    "edit",
    "get",
    "listed",
    "locked",
    "made_by",
    "reassign",
    "recipients",
    "reopen",
    "summary",
    "terms",
    "to_undo",
    "undo_chunk",
]
