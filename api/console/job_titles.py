"""The titles of jobs: in a few words what each is about, also for its line in a list."""

from datetime import date

from shared.jobs import JobAnswer
from shared.services.naming import Names
from shared.texts import N_, reader

KINDS = {
    "assignments.create": N_("Assign"),
    "assignments.complete": N_("Complete"),
    "assignments.close": N_("Close"),
    "assignments.change": N_("Change"),
    "assignments.reopen": N_("Reopen"),
    "assignments.remind": N_("Remind"),
    "assignments.undo": N_("Undo"),
    "sessions.complete": N_("Complete a session"),
    "sessions.amend": N_("Amend a session"),
    "sessions.undo": N_("Undo a session"),
    "licences.revoke": N_("Revoke licences"),
    "licences.undo": N_("Undo a revocation of licences"),
    "records.import": N_("Import records"),
    "packs.make": N_("Make a pack"),
    "records.undo": N_("Undo an import"),
    "parties.merge": N_("Merge people"),
    "parties.renumber": N_("Renumber a person"),
    "parties.undo": N_("Undo a merge or a new id"),
}
"""A text for each kind of job."""


def about(job: JobAnswer, names: Names) -> str:
    """Return what a job is about: its course, what it undoes, whom it moves or its day. Empty if only people say that.

    names: of the subjects that `job_details.subjects_of` yields.
    """
    asked = job.request
    for subject in (f"version/{asked.get('courseVersionId')}", f"course/{asked.get('courseId')}"):
        if subject in names:
            return names[subject]
    if undone := asked.get("undoKind"):
        return reader().text(KINDS.get(undone, undone))
    if gone := asked.get("partyId"):
        stays = names.get(f"party/{asked['into']}", asked["into"]) if "into" in asked else asked.get("entityId", "")
        return f"{names.get(f'party/{gone}', gone)} → {stays}"
    return reader().day(date.fromisoformat(asked["on"])) if "on" in asked else ""


def title_of(job: JobAnswer, names: Names, course: tuple[str, ...] = ()) -> str:
    """Return the title of a job: its kind, and what it is about, else its reason. course: of the job that it undoes."""
    parts = [reader().text(KINDS.get(job.kind, job.kind)), about(job, names), *course[1:2]]
    if not any(parts[1:]):
        parts.append(job.request.get("reason") or job.request.get("why") or "")
    return ": ".join(dict.fromkeys(part for part in parts if part))
