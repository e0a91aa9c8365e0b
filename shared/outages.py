"""Errors of the database that pass: each is named as it is, and none is the fault of the request that met it.

A connection that reports a read-only database leads to a server that was demoted in a failover. It is closed with all
others of its pool, so that the next transaction connects to the server that now takes writes.
"""

from typing import Any

from psycopg import errors
from sqlalchemy import exc

MISTAKEN_FOR_BUGS = (errors.ReadOnlySqlTransaction, errors.IdleInTransactionSessionTimeout, errors.TransactionTimeout)
"""Errors that PEP 249 calls internal, although the same request succeeds a little later."""

_AWAY = "The database cannot be reached at the moment."

_REASONS: tuple[tuple[tuple[type[Exception], ...], str], ...] = (
    ((errors.QueryCanceled,), "This took too long and was stopped. Ask for less, or try again later."),
    (
        (errors.LockNotAvailable, errors.DeadlockDetected, errors.SerializationFailure),
        "Another request or job is changing the same records and did not end in time.",
    ),
    (
        (errors.ReadOnlySqlTransaction,),
        "The database takes no changes at the moment, as while another server takes over.",
    ),
    (
        (errors.IdleInTransactionSessionTimeout, errors.TransactionTimeout),
        "This stood still for too long and was stopped.",
    ),
    (
        (errors.InsufficientResources, errors.DiskFull, errors.OutOfMemory, errors.TooManyConnections),
        "The database server has no room for this at the moment.",
    ),
    ((exc.TimeoutError,), "Too many requests want the database at once."),
)


def reason(error: BaseException) -> str:
    """Returns a sentence that says why the database did not do what was asked. Nothing was changed in each case."""
    cause = getattr(error, "orig", None) or error
    return next((sentence for kinds, sentence in _REASONS if isinstance(cause, kinds)), _AWAY)


def sqlstate(error: BaseException) -> str | None:
    """Returns PostgreSQL's code of an error, such as 55P03, or None if it has none."""
    return getattr(getattr(error, "orig", None) or error, "sqlstate", None)


def as_operational(context: Any) -> exc.OperationalError | None:
    """For SQLAlchemy's `handle_error`: raises MISTAKEN_FOR_BUGS as OperationalError, and drops the connections."""
    cause = context.original_exception
    if not isinstance(cause, MISTAKEN_FOR_BUGS):
        return None
    context.is_disconnect = True
    return exc.OperationalError(
        context.statement, context.parameters, cause, hide_parameters=True, connection_invalidated=True
    )
