"""The words of a page for somebody who may not do something: the missing right, and who can give it.

The API names the permission that the token lacks. A person at a page has no token.
"""

from shared.access import NEVER_MAPPED, Permission, PermissionDenied
from shared.texts import N_, Words

RIGHTS = {
    Permission.VIEW: N_("see training"),
    Permission.ASSIGN: N_("assign training"),
    Permission.COMPLETE: N_("record completed training"),
    Permission.MANAGE_ASSIGNMENTS: N_("change, close and reopen assignments"),
    Permission.ADMIN: N_("administer training"),
    Permission.SYNC_DIRECTORY: N_("write the directory of people"),
    Permission.READ_EVENTS: N_("read the audit log"),
    Permission.CHECK_LICENCES: N_("check licences"),
    Permission.COMPLETE_SESSION_TASKS: N_("complete training by the link of a session"),
}
"""The right that each permission gives, in words that follow "the right to"."""

_MISSING = N_("This takes the right to %(rights)s (%(permissions)s), which you do not have.")
_BY_ADMINISTRATORS = N_("The administrators of your organization can give it, in the settings of signing in.")
_BY_OPERATORS = N_("Whoever runs this service can give it.")


def denied_in_words(problem: PermissionDenied, words: Words) -> str:
    """Return what is missing and who can give it. A problem that names no permission keeps its own detail."""
    if not problem.needs:
        return words.sentence(problem.detail)
    rights = words.text(N_("%(one)s or %(other)s"))
    said, *others = (words.text(RIGHTS[one]) for one in problem.needs)
    for other in others:
        said = rights.replace("%(one)s", said).replace("%(other)s", other)
    by = _BY_OPERATORS if NEVER_MAPPED.issuperset(problem.needs) else _BY_ADMINISTRATORS
    return f"{words.filled(_MISSING, rights=said, permissions=', '.join(problem.needs))} {words.text(by)}"
