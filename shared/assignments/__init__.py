"""Assignments: one party owes one course version, with a reason, an actor and perhaps a due date.

Owns the table `assignment`. Promises at most one open assignment for a party and version, that an assignment
stays bound to the version that was active at submission, and that it outlives the member who made it.
"""

from shared.assignments.models import Assignment, AssignmentState
from shared.assignments.queries import Filters, Sort, Terms, classified, counted, get, listed, made_by
from shared.assignments.schemas import (
    MAX_RECIPIENTS,
    AssignmentAnswer,
    AssignmentRequest,
    Preview,
    PreviewOutcome,
)
from shared.assignments.work import assign, terms

__all__ = [
    "MAX_RECIPIENTS",
    "Assignment",
    "AssignmentAnswer",
    "AssignmentRequest",
    "AssignmentState",
    "Filters",
    "Preview",
    "PreviewOutcome",
    "Sort",
    "Terms",
    "assign",
    "classified",
    "counted",
    "get",
    "listed",
    "made_by",
    "terms",
]
