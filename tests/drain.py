"""A worker inside the test's own process. Its messages are a list that the test can deliver, drop or double.

The tasks, the transactions and the database are real; only Celery's transport is replaced by the list. Tests of
killed, frozen or concurrent processes start real workers instead (`tests/faults/plant.py`).
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.orm import Session

from shared import deliveries, events, jobs
from shared.database import Database
from shared.jobs import organizations_in_turn
from tests.factories import OF_THIS_FILE

Message = tuple[str, tuple[Any, ...]]

LISTS = (
    (jobs, "organizations_with_due_jobs"),
    (deliveries, "organizations_with_due_deliveries"),
    (events, "organizations_with_unread_events"),
    (events, "organizations_with_unsealed_events"),
    (events, "organizations_with_trees_behind"),
)
"""The functions by which a task finds the organizations that have work. In a test they return those of its file only.

Otherwise what other files leave in the shared database would take the places of a sender and the time of a planner."""


@dataclass
class InProcessWorker:
    """The worker's undelivered messages, oldest first, and its database connections."""

    database: Database
    messages: deque[Message] = field(default_factory=deque)
    organizations: set[str] = field(default_factory=set)

    @classmethod
    @contextmanager
    def open(cls) -> Iterator["InProcessWorker"]:
        """Make this process a worker that sends its messages to this object instead of Redis.

        The connections stay open for the next test, because new ones would start with cold caches.
        """
        from worker import app  # reads the environment, so it is imported only after that is set

        if not hasattr(app.parts, "database"):
            app.open_parts()
        opened, stream = cls(app.parts.database), app.parts.stream
        app.parts.broker = opened  # type: ignore[assignment]
        try:
            with pytest.MonkeyPatch.context() as patch:
                # Tests move this clock, and not that of PostgreSQL.
                patch.setattr("shared.clock.MOST_DIFFERENCE", timedelta.max)
                patch.setattr("shared.jobs.organizations_in_turn", opened.in_turn)
                for module, name in LISTS:
                    patch.setattr(module, name, of_this_file(getattr(module, name)))
                yield opened
        finally:
            app.parts.stream = stream

    def send(self, task: str, *args: Any) -> bool:
        """Append a message, instead of sending it to Redis. Called by the product's code and by tests."""
        self.messages.append((task, args))
        return True

    def nudge(self, task: str, *args: Any, most: int = 0) -> bool:
        """The same: here no queue is too long. Called by the product's code."""
        return self.send(task, *args)

    def deliver(self, task: str, *args: Any) -> None:
        """Run one task now, as a worker process would."""
        from worker import app

        if task.startswith("jobs.run"):
            self.organizations.update(args)
        app.app.loader.import_default_modules()
        app.app.tasks[task].run(*args)

    def in_turn(self, db: Session, *args: Any, passing_over: Sequence[str] = ()) -> list[str]:
        """The organizations in turn, but only those that a message of this worker has named.

        Other tests leave jobs in the shared database, and a worker would do those of any organization.
        """
        found = organizations_in_turn(db, *args, passing_over=passing_over, most=100_000)
        return [org_id for org_id in found if org_id in self.organizations]

    def drain(self, *org_ids: str, most: int = 5000) -> None:
        """Send `jobs.run` for these organizations, then deliver all messages until none is left. Fails after `most`."""
        for org_id in org_ids:
            self.send("jobs.run", org_id)
        for _ in range(most):
            if not self.messages:
                return
            task, args = self.messages.popleft()
            self.deliver(task, *args)
        raise AssertionError(f"{most} messages were delivered, and more are waiting")


def of_this_file(listed: Callable[..., list[str]]) -> Callable[..., list[str]]:
    """A list of organizations, limited to those that the running test file has created."""
    return lambda *args: [org_id for org_id in listed(*args) if org_id in OF_THIS_FILE]
