"""The caller: a member, identified by a verified token, with permissions and a scope."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from shared.errors import Problem
from shared.events import Actor


class Permission(StrEnum):
    """The permissions that a token can carry. The workspace's roles grant them; Rollcall only reads them."""

    VIEW = "training.view"
    ASSIGN = "training.assign"
    COMPLETE = "training.complete"
    MANAGE_ASSIGNMENTS = "training.manage_assignments"
    ADMIN = "training.admin"
    SYNC_DIRECTORY = "directory.sync"
    READ_EVENTS = "events.read"
    CHECK_LICENCES = "licences.check"
    COMPLETE_SESSION_TASKS = "session_tasks.complete"


class PermissionDenied(Problem):
    """The token lacks a permission; the error names it. needs: permissions of which one would do, if that is all."""

    slug, status, title = "permission-denied", 403, "Permission denied"

    def __init__(self, detail: str, *, needs: tuple[Permission, ...] = ()) -> None:
        super().__init__(detail)
        self.needs = needs


class Unauthenticated(Problem):
    """There is no token, or it cannot be verified."""

    slug, status, title = "unauthenticated", 401, "Not signed in"


@dataclass(frozen=True)
class Caller:
    """A verified caller.

    party_id: the party that the member represents, if any.
    folders: ids of the folders whose parties the caller may see; None: all parties.
    expires_at: when the token expires. Callers are equal whatever the token that they come with.
    """

    org_id: str
    member_id: str
    permissions: frozenset[str] = frozenset()
    party_id: str | None = None
    folders: frozenset[str] | None = None
    expires_at: datetime | None = field(default=None, compare=False)

    @property
    def actor(self) -> Actor:
        """The caller as the actor of events and records."""
        return Actor("member", self.member_id)

    def may(self, *any_of: Permission) -> bool:
        """True if the caller has at least one of these permissions."""
        return not self.permissions.isdisjoint(any_of)

    def need(self, *any_of: Permission) -> None:
        """Raise PermissionDenied, naming the permissions, unless the caller has at least one of them."""
        if not self.may(*any_of):
            names = " or ".join(any_of)
            raise PermissionDenied(f"This needs the permission {names}, which your token does not carry.", needs=any_of)
