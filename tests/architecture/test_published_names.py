"""Published names are never renamed: tasks, event types, kinds of job, outcome codes."""

import ast
import re
from collections.abc import Iterator

from shared import services, settings  # noqa: F401 (services declares every kind of job)
from shared.jobs import KINDS, OutcomeCode
from tests.architecture.source import PROGRAM, calls, name_of, text_of

TASKS = {
    "assignments.remind",
    "assignments.remind_organization",
    "deliveries.plan",
    "deliveries.send",
    "events.publish",
    "events.relay",
    "events.seal",
    "jobs.run",
    "jobs.run_chunk",
    "jobs.rescue",
    "licences.sweep",
    "licences.sweep_organization",
    "uploads.purge",
    "packs.purge",
}
"""Published task names. Messages that are in Redis during an upgrade contain them, so none is ever renamed."""

EVENT_TYPES = {
    "assignment.changed",
    "assignment.closed",
    "assignment.completed",
    "assignment.created",
    "assignment.due_soon",
    "assignment.overdue",
    "assignment.reassigned",
    "assignment.reminded",
    "assignment.reopened",
    "assignment.session_link_minted",
    "course.archived",
    "course.changed",
    "course.created",
    "course_version.changed",
    "course_version.drafted",
    "course_version.published",
    "course_version.retired",
    "course_version.superseded",
    "folder.changed",
    "folder.created",
    "job.approved",
    "job.cancel_requested",
    "job.finished",
    "job.rejected",
    "job.submitted",
    "licence.certificate_link_minted",
    "licence.changed",
    "licence.expired",
    "licence.expiring",
    "licence.granted",
    "licence.record_undone",
    "licence.recorded",
    "licence.restored",
    "licence.revoked",
    "licence.superseded",
    "organization.added",
    "organization.availability_changed",
    "organization.entitlement_changed",
    "organization.certificate_changed",
    "organization.settings_changed",
    "organization.start_page_changed",
    "pack.deleted",
    "pack.fetched",
    "pack.made",
    "party.changed",
    "party.created",
    "party.erased",
    "party.merged",
    "party.renumbered",
    "party.restored",
    "session.amended",
    "session.attendance_recorded",
    "session.cancelled",
    "session.changed",
    "session.completed",
    "session.completion_undone",
    "session.completion_withdrawn",
    "session.reinstated",
    "session.roster_added",
    "session.roster_removed",
    "session.scheduled",
    "sign_in.begun",
    "sign_in_issuer.bound",
    "sign_in_issuer.mapping_changed",
    "sign_in_issuer.unbound",
    "sign_in_issuer.writer_named",
    "sign_in_issuer.writer_removed",
    "view.changed",
    "view.deleted",
    "view.saved",
    "webhook.changed",
    "webhook.created",
    "webhook.disabled",
    "webhook.removed",
    "webhook.secret_rotated",
}
"""Published event types. Consumers branch on them, so none is ever renamed."""


KINDS_OF_JOB = {
    "assignments.change",
    "assignments.close",
    "assignments.complete",
    "assignments.create",
    "assignments.remind",
    "assignments.reopen",
    "assignments.undo",
    "licences.revoke",
    "licences.undo",
    "packs.make",
    "parties.merge",
    "parties.renumber",
    "parties.undo",
    "records.import",
    "records.undo",
    "sessions.amend",
    "sessions.complete",
    "sessions.undo",
}
"""Published kinds of job. Jobs that wait during an upgrade have them, and clients filter by them."""

OUTCOME_CODES = {
    "already-assigned",
    "already-closed",
    "already-completed",
    "already-licensed",
    "already-open",
    "already-recorded",
    "already-revoked",
    "assignment-closed",
    "assignment-not-found",
    "attended",
    "cancelled",
    "changed",
    "closed",
    "completed",
    "course-archived",
    "course-not-found",
    "created",
    "due-date-past",
    "expiry-needed",
    "id-taken",
    "invalid-row",
    "licence-granted",
    "licence-not-found",
    "licence-revoked",
    "merged",
    "moved-back",
    "not-assigned",
    "not-attended",
    "not-licensed",
    "not-on-roster",
    "nothing-to-change",
    "other-member-needed",
    "out-of-scope",
    "own-issuer",
    "party-erased",
    "party-inactive",
    "party-not-found",
    "party-renumbered",
    "pending",
    "packed",
    "pack-deleted",
    "processing-failed",
    "processing-interrupted",
    "put-back",
    "record-undone",
    "recorded",
    "reminded",
    "removed",
    "renumbered",
    "reopened",
    "revoked",
    "several-open-versions",
    "taken-back",
    "touched-since",
    "version-not-found",
}
"""Published outcome codes. Clients branch on them."""


def test_task_names_are_the_published_ones(configured: settings.Settings) -> None:
    from worker.app import app  # reads the environment, so not before it is set

    app.loader.import_default_modules()
    names = {name for name in app.tasks if not name.startswith("celery.")}
    assert names == TASKS
    assert {entry["task"] for entry in app.conf.beat_schedule.values()} <= TASKS


EVENT_TYPE = re.compile(r"[a-z_]*[a-rt-z]\.[a-z_]*")
"""`<noun>.<past participle>` or its beginning. The noun is singular, unlike in names of tasks and kinds of job."""


def event_types(source: str) -> set[str]:
    """The event types in the source of a module that records events.

    If a type is an f-string such as `f"course.{what}"`, its values are in the calls of the function that contains it.
    """
    tree = ast.parse(source)
    if "events.record" not in source and "record_each(" not in source:
        return set()
    texts = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    whole = {text for text in texts if EVENT_TYPE.fullmatch(text) and not text.endswith(".")}
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    return whole.union(*(_put_together(function, tree) for function in functions))


def _put_together(function: ast.FunctionDef, tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(function):
        match node:
            case ast.JoinedStr(values=[ast.Constant(value=str(noun)), ast.FormattedValue(value=ast.Name(id=name))]):
                if EVENT_TYPE.fullmatch(noun):
                    at = [argument.arg for argument in function.args.args].index(name)
                    given = [call.args[at] for call in calls(tree) if name_of(call.func) == function.name]
                    yield from (noun + ast.literal_eval(one) for one in given)


def test_event_types_are_the_published_ones() -> None:
    assert set().union(*(event_types(text_of(path)) for path in PROGRAM)) == EVENT_TYPES


def test_every_way_to_write_an_event_type_is_found() -> None:
    made_up = """
def sell(db):
    submit("horses.sell")
    events.record(db, Fact("horse.moved", "horse/1"), _fact("sold"))

def _fact(what):
    return Fact(f"horse.{what}", f"horse/{what}")
"""
    assert event_types(made_up) == {"horse.moved", "horse.sold"}
    assert event_types(made_up.replace("events.record", "print")) == set()


def test_kinds_of_job_are_the_published_ones() -> None:
    assert set(KINDS) == KINDS_OF_JOB


def test_outcome_codes_are_the_published_ones() -> None:
    assert set(OutcomeCode) == OUTCOME_CODES
