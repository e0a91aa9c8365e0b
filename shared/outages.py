"""Errors of the database that pass: each is named as it is, and none is the fault of the request that met it.

A connection that reports a read-only database leads to a server that was demoted in a failover. It is closed with all
others of its pool, so that the next transaction connects to the server that now takes writes.
"""

from typing import Any

from psycopg import errors
from sqlalchemy import exc

MISTAKEN_FOR_BUGS = (errors.ReadOnlySqlTransaction, errors.IdleInTransactionSessionTimeout, errors.TransactionTimeout)
"""Errors that PEP 249 calls internal, although the same request succeeds a little later."""

_AWAY = "The database cannot be reached at the moment. The request may be repeated."

_BUSY = (
    "Another request or job is changing the same records and did not end in time; nothing was changed. "
    "The request may be repeated."
)

_REASONS = {
    "57014": "This took too long and was stopped; nothing was changed. Ask for less, or try again later.",
    "55P03": _BUSY,
    "40003": _AWAY,
    "40": _BUSY,
    "25006": "The database takes no changes at the moment, as in a failover. The request may be repeated.",
    "25": "This stood still for too long and was stopped; nothing was changed. The request may be repeated.",
    "53": "The database server has no room for this at the moment; nothing was changed. The request may be repeated.",
}
"""Sentences by SQLSTATE or by its class. 40003 says that the server does not know if it was committed."""

_NO_TURN = "Too many requests want the database at once; nothing was changed. The request may be repeated."


def reason(error: BaseException) -> str:
    """Returns sentences that say why the database did not do what was asked, and what to do."""
    if isinstance(error, exc.TimeoutError):
        return _NO_TURN
    code = sqlstate(error) or ""
    return _REASONS.get(code) or _REASONS.get(code[:2], _AWAY)


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
