"""The message of a command that failed: one sentence with its cause and, if there is one, the next step."""

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
"""Exit codes: the command failed; its arguments are wrong."""


class Failed(Exception):
    """A command failed. Its text is a sentence for the user."""


def explain(error: Exception) -> tuple[str, int]:
    """Returns the sentence for an error, and the exit code.

    An unforeseen error is named by its type and place only: its text may hold names or passwords.
    """
    match error:
        case InvalidInput():
            return error.detail, USAGE
        case Failed() | NoSystem() | CannotStart() | BadSettings() | UnsafeRole() | Problem():
            return str(error), FAILURE
        case DBAPIError(orig=psycopg.errors.UndefinedTable() | psycopg.errors.UndefinedFunction()):
            return "The database schema is not up to date; run `rollcall migrate`.", FAILURE
        case SQLAlchemyError() | psycopg.Error():
            kind = type(error.orig if isinstance(error, DBAPIError) else error).__name__
            return (
                f"The database reported an error ({kind}); run `rollcall doctor` to find the cause.",
                FAILURE,
            )
    *_, last = traceback.extract_tb(error.__traceback__)
    place = f"{last.filename.rpartition('/')[2]}:{last.lineno}"
    return f"Unexpected error: {type(error).__name__} at {place}. Please report it.", FAILURE


def unreachable(url: str, error: psycopg.OperationalError) -> str:
    """Returns the sentence for a database that refuses connections. It repeats the address without the password."""
    at = make_url(url)
    reason = str(error).strip().splitlines()[0].rpartition(": ")[2]
    where = f"{at.host}:{at.port or 5432}/{at.database}"
    return f"PostgreSQL at {where} cannot be reached ({reason}); start it, or correct ROLLCALL_DATABASE_URL."
