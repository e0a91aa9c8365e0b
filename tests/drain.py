"""A worker inside the test's own process. Its messages are a list in the test's hand, to be delivered, lost or doubled.

The tasks, the transactions and the database are the real ones; only Celery's transport is not. Where the process
matters, tests start real workers instead.
"""

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from shared.database import Database

Message = tuple[str, tuple[Any, ...]]


@dataclass
class Workshop:
    """Messages waiting, and the connections of a worker process."""

    database: Database
    messages: deque[Message] = field(default_factory=deque)

    @classmethod
    @contextmanager
    def open(cls) -> Iterator["Workshop"]:
        """Make this process a worker, with the test in the broker's place.

        Its connections stay open for the next test: new ones know neither tables nor statements.
        """
        from worker import app  # reads the environment, so not before it is set

        if not hasattr(app.workshop, "database"):
            app.open_workshop()
        opened, stream = cls(app.workshop.database), app.workshop.stream
        app.workshop.broker = opened  # type: ignore[assignment]
        try:
            yield opened
        finally:
            app.workshop.stream = stream

    def send(self, task: str, *args: Any) -> bool:
        """Take a message in the broker's place."""
        self.messages.append((task, args))
        return True

    def deliver(self, task: str, *args: Any) -> None:
        """Carry out one message, as a worker process would."""
        from worker import app

        app.app.loader.import_default_modules()
        app.app.tasks[task].run(*args)

    def drain(self, *org_ids: str, most: int = 5000) -> None:
        """Wake these organizations and deliver every message until none is left. Fails if they never run out."""
        for org_id in org_ids:
            self.send("jobs.run", org_id)
        for _ in range(most):
            if not self.messages:
                return
            task, args = self.messages.popleft()
            self.deliver(task, *args)
        raise AssertionError(f"{most} messages delivered, and still more to come")
