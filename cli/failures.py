"""What a command says when it cannot do what it was asked: one sentence, and where there is one, the next step."""

import traceback

import psycopg
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from cli.processes import CannotStart
from cli.system import NoSystem
from shared.database import UnsafeRole
from shared.errors import InvalidInput, Problem
from shared.settings import BadSettings

FAILURE, USAGE = 1, 2
"""Exit codes: it could not be done; it was not asked properly."""


class Failed(Exception):
    """A command could not do what it was asked. Its text is one sentence."""


def explain(error: Exception) -> tuple[str, int]:
    """The sentence for an error, and the exit code. What is unforeseen is named by type and place: its text may
    hold what the database or a caller said, names and passwords included."""
    match error:
        case InvalidInput():
            return error.detail, USAGE
        case Failed() | NoSystem() | CannotStart() | BadSettings() | UnsafeRole() | Problem():
            return str(error), FAILURE
        case DBAPIError(orig=psycopg.errors.UndefinedTable() | psycopg.errors.UndefinedFunction()):
            return "The database is not migrated; run `rollcall migrate`.", FAILURE
        case SQLAlchemyError() | psycopg.Error():
            kind = type(error.orig if isinstance(error, DBAPIError) else error).__name__
            return (
                f"The database does not answer as it should ({kind}); `rollcall doctor` looks at every part.",
                FAILURE,
            )
    *_, last = traceback.extract_tb(error.__traceback__)
    place = f"{last.filename.rpartition('/')[2]}:{last.lineno}"
    return f"This should not have happened: {type(error).__name__} at {place}. Please report it.", FAILURE


def unreachable(url: str, error: psycopg.OperationalError) -> str:
    """The sentence for a database that cannot be connected to. Of its address only the harmless parts are repeated."""
    at = make_url(url)
    reason = str(error).strip().splitlines()[0].rpartition(": ")[2]
    where = f"{at.host}:{at.port or 5432}/{at.database}"
    return f"PostgreSQL at {where} cannot be used ({reason}); start it, or correct ROLLCALL_DATABASE_URL."
