"""The closed list of outcome codes, each with its outcome and a sentence for people.

Clients branch on codes, so a code is never renamed, and its meaning never changes.
"""

from enum import StrEnum

from shared.jobs.models import Outcome


class OutcomeCode(StrEnum):
    """Each code belongs to one outcome and has one sentence, see `_MEANINGS`."""

    CREATED = "created"
    COMPLETED = "completed"
    CLOSED = "closed"
    REOPENED = "reopened"
    LICENCE_GRANTED = "licence-granted"
    ATTENDED = "attended"
    REMOVED = "removed"
    TAKEN_BACK = "taken-back"
    PUT_BACK = "put-back"
    CHANGED = "changed"
    REMINDED = "reminded"
    REVOKED = "revoked"
    RECORDED = "recorded"
    RECORD_UNDONE = "record-undone"
    MERGED = "merged"
    RENUMBERED = "renumbered"
    MOVED_BACK = "moved-back"
    ALREADY_ASSIGNED = "already-assigned"
    ALREADY_COMPLETED = "already-completed"
    ALREADY_CLOSED = "already-closed"
    ALREADY_OPEN = "already-open"
    ALREADY_REVOKED = "already-revoked"
    ALREADY_RECORDED = "already-recorded"
    NOTHING_TO_CHANGE = "nothing-to-change"
    TOUCHED_SINCE = "touched-since"
    ALREADY_LICENSED = "already-licensed"
    NOT_ATTENDED = "not-attended"
    NOT_ON_ROSTER = "not-on-roster"
    NOT_LICENSED = "not-licensed"
    LICENCE_REVOKED = "licence-revoked"
    PARTY_NOT_FOUND = "party-not-found"
    PARTY_RENUMBERED = "party-renumbered"
    ID_TAKEN = "id-taken"
    PARTY_INACTIVE = "party-inactive"
    OUT_OF_SCOPE = "out-of-scope"
    NOT_ASSIGNED = "not-assigned"
    ASSIGNMENT_NOT_FOUND = "assignment-not-found"
    LICENCE_NOT_FOUND = "licence-not-found"
    ASSIGNMENT_CLOSED = "assignment-closed"
    SEVERAL_OPEN_VERSIONS = "several-open-versions"
    COURSE_ARCHIVED = "course-archived"
    DUE_DATE_PAST = "due-date-past"
    INVALID_ROW = "invalid-row"
    PARTY_ERASED = "party-erased"
    COURSE_NOT_FOUND = "course-not-found"
    VERSION_NOT_FOUND = "version-not-found"
    EXPIRY_NEEDED = "expiry-needed"
    OWN_ISSUER = "own-issuer"
    OTHER_MEMBER_NEEDED = "other-member-needed"
    PROCESSING_FAILED = "processing-failed"
    PROCESSING_INTERRUPTED = "processing-interrupted"
    CANCELLED = "cancelled"
    PENDING = "pending"
    PACKED = "packed"
    PACK_DELETED = "pack-deleted"

    @property
    def outcome(self) -> Outcome:
        """The outcome as which a recipient with this code is counted."""
        return _MEANINGS[self][0]

    @property
    def detail(self) -> str:
        """One sentence for people."""
        return _MEANINGS[self][1]


_MEANINGS: dict[OutcomeCode, tuple[Outcome, str]] = {
    OutcomeCode.CREATED: (Outcome.SUCCEEDED, "The party was assigned the course version."),
    OutcomeCode.COMPLETED: (Outcome.SUCCEEDED, "The assignment was completed."),
    OutcomeCode.CLOSED: (Outcome.SUCCEEDED, "The assignment was closed."),
    OutcomeCode.REOPENED: (Outcome.SUCCEEDED, "The assignment was reopened."),
    OutcomeCode.LICENCE_GRANTED: (Outcome.SUCCEEDED, "The party was granted a licence."),
    OutcomeCode.ATTENDED: (Outcome.SUCCEEDED, "The party attended; the course grants no licence."),
    OutcomeCode.REMOVED: (
        Outcome.SUCCEEDED,
        "The party was removed from the roster, and its licence and completion taken back.",
    ),
    OutcomeCode.TAKEN_BACK: (Outcome.SUCCEEDED, "What the session's completion gave the party was taken back."),
    OutcomeCode.PUT_BACK: (Outcome.SUCCEEDED, "The assignment is again as it was before the job."),
    OutcomeCode.CHANGED: (Outcome.SUCCEEDED, "The assignment was changed."),
    OutcomeCode.REMINDED: (Outcome.SUCCEEDED, "The party is reminded of the assignment."),
    OutcomeCode.REVOKED: (Outcome.SUCCEEDED, "The licence was revoked."),
    OutcomeCode.RECORDED: (Outcome.SUCCEEDED, "The record went in as a licence."),
    OutcomeCode.RECORD_UNDONE: (Outcome.SUCCEEDED, "The record was taken out, as if it had never been."),
    OutcomeCode.MERGED: (Outcome.SUCCEEDED, "The party was merged with the other one, which has its records now."),
    OutcomeCode.RENUMBERED: (Outcome.SUCCEEDED, "The party has its new id."),
    OutcomeCode.MOVED_BACK: (Outcome.SUCCEEDED, "The party has its former id again, and what was moved from it."),
    OutcomeCode.ALREADY_ASSIGNED: (Outcome.UNCHANGED, "The party has an open assignment of this version."),
    OutcomeCode.ALREADY_COMPLETED: (Outcome.UNCHANGED, "The party has completed this version."),
    OutcomeCode.ALREADY_CLOSED: (Outcome.UNCHANGED, "The assignment was closed before."),
    OutcomeCode.ALREADY_OPEN: (Outcome.UNCHANGED, "The assignment is open already."),
    OutcomeCode.ALREADY_REVOKED: (Outcome.UNCHANGED, "The licence was revoked before."),
    OutcomeCode.ALREADY_RECORDED: (
        Outcome.UNCHANGED,
        "The party has a record of this course, day and number already.",
    ),
    OutcomeCode.NOTHING_TO_CHANGE: (Outcome.UNCHANGED, "The assignment has these values already."),
    OutcomeCode.TOUCHED_SINCE: (Outcome.UNCHANGED, "It was changed since, so it was left as it is."),
    OutcomeCode.ALREADY_LICENSED: (Outcome.UNCHANGED, "The party has such a licence already."),
    OutcomeCode.NOT_ATTENDED: (Outcome.UNCHANGED, "The party was absent or excused."),
    OutcomeCode.NOT_ON_ROSTER: (Outcome.UNCHANGED, "The party is not on the session's roster any more."),
    OutcomeCode.NOT_LICENSED: (
        Outcome.UNCHANGED,
        "The party has no licence or completion of this session to take back.",
    ),
    OutcomeCode.LICENCE_REVOKED: (
        Outcome.FAILED,
        "A member revoked this session's licence of the party; another member can grant it with afterRevocation.",
    ),
    OutcomeCode.PARTY_NOT_FOUND: (
        Outcome.FAILED,
        "There is no such party, or it is outside the scope of the job.",
    ),
    OutcomeCode.PARTY_RENUMBERED: (Outcome.FAILED, "The party was merged or renumbered; it has another id now."),
    OutcomeCode.ID_TAKEN: (Outcome.FAILED, "Another party has this id, or has had it."),
    OutcomeCode.PARTY_INACTIVE: (Outcome.FAILED, "The party is inactive."),  # of a folder alone: unchanged
    OutcomeCode.OUT_OF_SCOPE: (Outcome.FAILED, "The party is outside the folders of the member who submitted the job."),
    OutcomeCode.NOT_ASSIGNED: (Outcome.FAILED, "The party has no assignment of this version."),
    OutcomeCode.ASSIGNMENT_NOT_FOUND: (
        Outcome.FAILED,
        "There is no such assignment, or it is outside the job's scope.",
    ),
    OutcomeCode.LICENCE_NOT_FOUND: (Outcome.FAILED, "There is no such licence, or it is outside the job's scope."),
    OutcomeCode.ASSIGNMENT_CLOSED: (Outcome.FAILED, "The assignment is closed, so it cannot be completed."),
    OutcomeCode.SEVERAL_OPEN_VERSIONS: (
        Outcome.FAILED,
        "The party has open assignments of several versions of the course; name the version, or the newest.",
    ),
    OutcomeCode.COURSE_ARCHIVED: (Outcome.FAILED, "The course is archived."),
    OutcomeCode.DUE_DATE_PAST: (Outcome.FAILED, "The due date has passed; give a new one."),
    OutcomeCode.INVALID_ROW: (Outcome.FAILED, "The row cannot be read; correct it and send it again."),
    OutcomeCode.PARTY_ERASED: (
        Outcome.FAILED,
        "The party was erased and stays so; whoever returns comes under another id.",
    ),
    OutcomeCode.COURSE_NOT_FOUND: (Outcome.FAILED, "There is no course with this id or code."),
    OutcomeCode.VERSION_NOT_FOUND: (
        Outcome.FAILED,
        "The course has no version with this label; add it as a retired one, or leave the label out.",
    ),
    OutcomeCode.EXPIRY_NEEDED: (
        Outcome.FAILED,
        "The course grants no licences, so its policy gives no end; say expiresOn.",
    ),
    OutcomeCode.OWN_ISSUER: (
        Outcome.FAILED,
        "The row names your own organization as issuer; send it with confirmOwnIssuer if that is so.",
    ),
    OutcomeCode.OTHER_MEMBER_NEEDED: (
        Outcome.FAILED,
        "The member who revoked the licence cannot grant it again; another one must.",
    ),
    OutcomeCode.PROCESSING_FAILED: (Outcome.FAILED, "This recipient could not be processed; retry, or report it."),
    OutcomeCode.PROCESSING_INTERRUPTED: (
        Outcome.FAILED,
        "The workers were killed each time they processed this recipient; retry, or report it.",
    ),
    OutcomeCode.CANCELLED: (Outcome.CANCELLED, "The job was cancelled before it processed this recipient."),
    OutcomeCode.PACKED: (Outcome.SUCCEEDED, "The pack holds the person's evidence."),
    OutcomeCode.PACK_DELETED: (
        Outcome.FAILED,
        "The pack was deleted while it was made, because one of its people was erased. Ask for it again.",
    ),
    OutcomeCode.PENDING: (Outcome.PENDING, "The job has not processed this recipient yet."),
}
