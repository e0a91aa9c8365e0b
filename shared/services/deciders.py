"""The members who may act on a job: kinds of the directory need its permission, all others one of training."""

from typing import Any

from shared import jobs
from shared.access import Caller, Permission, PermissionDenied
from shared.errors import NotFound
from shared.jobs import Job, Kind


def of_directory(kind: Kind[Any]) -> bool:
    """True for a kind of job that needs the permission to synchronise the directory."""
    return kind.needs is Permission.SYNC_DIRECTORY


def may_decide(caller: Caller, kind: Kind[Any]) -> bool:
    """True if the caller may approve, reject and undo jobs of this kind. Approving also needs what submitting needs."""
    needed = Permission.SYNC_DIRECTORY if of_directory(kind) else Permission.MANAGE_ASSIGNMENTS
    return caller.may(needed) and not (of_directory(kind) and caller.folders is not None)


def need_decider(caller: Caller, kind: Kind[Any]) -> None:
    """Raise PermissionDenied as `may_decide` says."""
    caller.need(Permission.SYNC_DIRECTORY if of_directory(kind) else Permission.MANAGE_ASSIGNMENTS)
    need_all_folders(caller, kind)


def needed_to_approve(kind: Kind[Any]) -> tuple[Permission, ...]:
    """Return the permissions that approving a job of this kind needs: all of them, each once."""
    decides = Permission.SYNC_DIRECTORY if of_directory(kind) else Permission.MANAGE_ASSIGNMENTS
    return tuple(dict.fromkeys((decides, kind.needs)))


def may_approve(caller: Caller, kind: Kind[Any]) -> bool:
    """True if the caller may approve jobs of this kind of other members: it decides, and could submit one."""
    return may_decide(caller, kind) and caller.may(kind.needs)


def need_all_folders(caller: Caller, kind: Kind[Any]) -> None:
    """Raise PermissionDenied for a caller limited to folders, if the kind is about the whole directory."""
    if of_directory(kind) and caller.folders is not None:
        raise PermissionDenied("This concerns the whole organization, and you are limited to folders.")


def needed_to_undo(job: Job) -> Permission:
    """Return the permission that undoing a job needs: what staff and the directory's members submit, they undo."""
    needs = jobs.kind_of(job).needs
    return needs if needs in (Permission.ADMIN, Permission.SYNC_DIRECTORY) else Permission.MANAGE_ASSIGNMENTS


def need_readable(caller: Caller, job: Job) -> None:
    """Raise NotFound for a job of training, if the caller may only synchronise the directory."""
    training = (Permission.VIEW, Permission.ASSIGN, Permission.COMPLETE, Permission.MANAGE_ASSIGNMENTS)
    if not of_directory(jobs.kind_of(job)) and not caller.may(*training, Permission.ADMIN):
        raise NotFound("job")
