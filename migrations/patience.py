"""Repeating a step of an upgrade that another transaction has stopped.

Processes of the former release go on working while the schema changes. A step that has locked one table and wants
another can meet a transaction that has locked them the other way round; PostgreSQL ends one of the two. A step also
gives up a lock that it does not get in time, so that requests do not wait behind it. Either way nothing of the step is
kept, and it can be repeated. Tables cannot be locked in an order that suits all statements of a former release.
"""

import time
from collections.abc import Callable

import psycopg
from sqlalchemy.exc import OperationalError

PAUSES = (0.5, 1.0, 2.0, 4.0, 8.0)
"""Seconds before each repetition. Meanwhile the requests that waited behind the step are answered."""

OTHERS_ACT = (psycopg.errors.DeadlockDetected, psycopg.errors.LockNotAvailable)
"""The errors of a step that another transaction stopped."""


def patiently(step: Callable[[], None]) -> None:
    """Do a step that may be repeated. Raises its error if the pauses do not help, and any other error at once."""
    for pause in PAUSES:
        try:
            return step()
        except (OperationalError, *OTHERS_ACT) as error:
            if not isinstance(error.orig if isinstance(error, OperationalError) else error, OTHERS_ACT):
                raise
        time.sleep(pause)
    return step()
