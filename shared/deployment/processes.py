"""The processes of the deployment: each says that it runs, and with which settings."""

import os
import socket
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from shared.database import Database
from shared.deployment.fingerprints import COMPARED, fingerprints, has_mail
from shared.deployment.mail import switch_mail
from shared.deployment.models import Process
from shared.settings import Settings

RUNS = timedelta(minutes=3)
"""A process that was not seen for longer does not run any more. Processes are noted every half minute."""

FORGOTTEN = timedelta(hours=1)


@dataclass(frozen=True)
class Difference:
    """A setting that differs. processes: `worker 123 on host`, one for each value, the rarest value first."""

    setting: str
    processes: Sequence[str]


class Presence:
    """One process of the deployment, as the others see it. program: `api`, `worker` or `sender`."""

    def __init__(self, program: str, settings: Settings) -> None:
        self.id = uuid.uuid4()
        self._begun = False
        self._has_mail = settings.smtp_url is not None
        self._row = {
            "id": self.id,
            "program": program,
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "settings": fingerprints(settings, program),
        }

    def note(self, database: Database, now: datetime) -> None:
        """Record that the process runs. The first time, one that has a mail server switches mail on for the deployment.

        In a transaction of its own, because only after its commit the start counts as recorded.
        """
        with database.transaction(None) as db:
            if self._has_mail and not self._begun:
                switch_mail(db, True, now)
            self._save(db, now)
        self._begun = True

    def _save(self, db: Session, now: datetime) -> None:
        """Insert or update the row. Removes the rows of processes that were not seen for an hour."""
        row = insert(Process).values(**self._row, started_at=now, seen_at=now)
        db.execute(row.on_conflict_do_update(index_elements=[Process.id], set_={"seen_at": now}))
        old = select(Process.id).where(Process.seen_at < now - FORGOTTEN).with_for_update(skip_locked=True)
        db.execute(delete(Process).where(Process.id.in_(old)).execution_options(synchronize_session=False))

    def end(self, database: Database) -> None:
        """Remove the process from the list."""
        with database.transaction(None) as db:
            db.execute(delete(Process).where(Process.id == self.id).execution_options(synchronize_session=False))


def try_write(db: Session, now: datetime) -> None:
    """Write a row and remove it. Raises what every other write would raise, such as in a read-only database."""
    probe = {"id": uuid.uuid4(), "program": "doctor", "host": "", "pid": 0, "settings": {}}
    db.execute(insert(Process).values(**probe, started_at=now, seen_at=now))
    db.execute(delete(Process).where(Process.id == probe["id"]).execution_options(synchronize_session=False))


def differences(db: Session, now: datetime) -> list[Difference]:
    """Returns the settings that differ among the processes that run now."""
    running = db.scalars(select(Process).where(Process.seen_at > now - RUNS).order_by(Process.started_at)).all()
    found = []
    for setting in COMPARED:
        by_value: dict[str, list[Process]] = {}
        for process in running:
            if (value := process.settings.get(setting)) is not None:
                by_value.setdefault(value, []).append(process)
        if len(by_value) > 1:
            rarest_first = sorted(by_value.values(), key=len)
            found.append(Difference(setting, [_name(processes[0]) for processes in rarest_first]))
    return found


def can_send_mail(db: Session, now: datetime) -> bool:
    """True if a process that runs now has a mail server."""
    running = select(Process.settings).where(Process.seen_at > now - RUNS)
    return any(has_mail(settings.get("smtp_url")) for settings in db.scalars(running))


def _name(process: Process) -> str:
    return f"{process.program} {process.pid} on {process.host}"
