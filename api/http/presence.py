"""The entry of this process in the list of processes. Readiness renews it, which also shows if the database writes."""

import structlog
from anyio.to_thread import run_sync
from sqlalchemy.exc import SQLAlchemyError

from api.http.parts import Parts
from shared import clock
from shared.database import UnsafeRole

log = structlog.get_logger()


async def begin(parts: Parts) -> None:
    """Record that the process starts. If the database is away, the first check of readiness records it."""
    try:
        await run_sync(renew, parts)
    except (SQLAlchemyError, UnsafeRole) as error:
        log.warning("start not noted", exc_info=error)


def renew(parts: Parts) -> None:
    """Record that the process runs. Raises what every write to the database raises at the moment."""
    parts.presence.note(parts.database, clock.now())


async def end(parts: Parts) -> None:
    """Remove the process from the list. If the database is away, the others find out by its silence."""
    try:
        await run_sync(parts.presence.end, parts.database)
    except (SQLAlchemyError, UnsafeRole) as error:
        log.warning("end not noted", error=type(error).__name__)
