"""Structured logs on standard error: one line for each event, with ids and counts, never names, addresses or input.

Uncaught exceptions are logged with their type and location. Their message is left out, because database drivers put
values of the failing row into it.
"""

import logging
import sys
import traceback
from pathlib import Path

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

_ROOT = Path(__file__).resolve().parent.parent


def _without_exception_text(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Replace an exception with its type and the frames that it passed through."""
    from shared import outages  # imported here, because beat and short commands start without SQLAlchemy

    info = event.pop("exc_info", None)
    error = sys.exc_info()[1] if info is True else info[1] if isinstance(info, tuple) else info
    if isinstance(error, BaseException):
        event["error"] = type(error).__name__
        event["at"] = _places(error)
        if (code := outages.sqlstate(error)) is not None:
            event["sqlstate"] = code
    return event


def _places(error: BaseException) -> list[str]:
    """Returns the last four frames of Rollcall that an error passed through, and the frame that raised it."""
    frames = [(Path(frame.filename), frame.lineno) for frame in traceback.extract_tb(error.__traceback__)]
    ours = [(path.relative_to(_ROOT), line) for path, line in frames if path.is_relative_to(_ROOT)]
    own = [f"{path}:{line}" for path, line in ours if ".venv" not in path.parts][-4:]
    return [*own, *(f"{path.name}:{line}" for path, line in frames[-1:])]


def configure(log_format: str, level: str) -> None:
    """Route structlog and the standard library's loggers through one renderer. log_format: `console` or `json`."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _without_exception_text,
    ]
    renderer: Processor = (
        structlog.processors.JSONRenderer()
        if log_format == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    logging.getLogger("alembic").setLevel(logging.WARNING)  # it logs each schema check, every few seconds
    logging.getLogger("httpx2").setLevel(logging.WARNING)  # it logs whole URLs, which can contain a secret
    if level != "debug":
        for ticks in ("celery.beat", "celery.worker.strategy", "celery.app.trace"):  # several lines a second
            logging.getLogger(ticks).setLevel(logging.WARNING)
