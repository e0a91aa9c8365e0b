"""The chunk work on assignments: a chunk of recipients in a fixed number of statements.

`creating` makes assignments, `changing` completes, closes and reopens them, `attended` completes and reopens the
assignments of a session's roster, `foreseeing` tells what a completion or an undo would do.
"""

from shared.assignments.work.attended import (
    Attended,
    complete_attended,
    lock_attended,
    record_attended,
    record_reopened,
    reopen_attended,
)
from shared.assignments.work.bulk import change_chunk, remind_chunk, reopen_chunk
from shared.assignments.work.changing import (
    close_chunk,
    close_created_chunk,
    complete_chunk,
    reopen_completed_chunk,
)
from shared.assignments.work.creating import create_chunk
from shared.assignments.work.foreseeing import (
    foresee_closing_created,
    foresee_completion,
    foresee_putting_back,
    foresee_reopening_completed,
)
from shared.assignments.work.undoing import put_back_chunk

__all__ = [
    "Attended",
    "change_chunk",
    "close_chunk",
    "close_created_chunk",
    "complete_attended",
    "complete_chunk",
    "create_chunk",
    "foresee_closing_created",
    "foresee_completion",
    "foresee_putting_back",
    "foresee_reopening_completed",
    "lock_attended",
    "put_back_chunk",
    "record_attended",
    "record_reopened",
    "remind_chunk",
    "reopen_attended",
    "reopen_chunk",
    "reopen_completed_chunk",
]
