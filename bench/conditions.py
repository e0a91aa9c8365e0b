"""The conditions of a run: machine, versions, settings and load. Figures cannot be judged without them."""

import os
import platform
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import psutil
import redis

from bench.ground import Connection
from bench.running import System
from shared.jobs import LARGEST_CHUNK, SMALLEST_CHUNK

POSTGRES_SETTINGS = ("fsync", "synchronous_commit", "shared_buffers", "max_wal_size", "wal_compression", "jit")


def too_busy(load: float) -> bool:
    """True if a load average means that other work uses at least half of the processors."""
    return load >= (os.cpu_count() or 1) / 2


@dataclass
class Conditions:
    """The conditions by name, and the load of the machine over time, as other work may run on it."""

    found: dict[str, str]
    load_before: float
    loads: list[float] = field(default_factory=list)

    @property
    def busy(self) -> bool:
        """True if other work used at least half of the processors before the start."""
        return too_busy(self.load_before)

    def look_at_load(self) -> None:
        """Add the load average of the last minute."""
        self.loads.append(os.getloadavg()[0])

    def rows(self) -> list[Sequence[str]]:
        """Returns the rows of a table."""
        load = f"{min(self.loads):.1f} to {max(self.loads):.1f}" if self.loads else "not looked at"
        before = f"{self.load_before:.1f}"
        return [
            *self.found.items(),
            ("load average before the start", before),
            ("and during it, our own included", load),
        ]


def look(system: System, connection: Connection, load_before: float) -> Conditions:
    """Returns the present conditions. load_before: the load average before the system was started."""
    given = system.settings
    with redis.Redis.from_url(given.need_redis_url()) as broker:
        redis_version = str(broker.info("server")["redis_version"])
    shown = {name: str(_show(connection, name)) for name in POSTGRES_SETTINGS}
    return Conditions(
        {
            "date": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
            "machine": f"{os.cpu_count()} x {_processor()}, {psutil.virtual_memory().total / 1e9:.0f} GB",
            "system": platform.platform(),
            "Python": platform.python_version(),
            "PostgreSQL": str(_show(connection, "server_version")),
            "Redis": redis_version,
            "PostgreSQL's settings": ", ".join(f"{name}={value}" for name, value in shown.items()),
            "worker processes": f"{given.worker_concurrency}, {given.job_window} chunks in flight",
            "chunks": f"{SMALLEST_CHUNK:,} to {LARGEST_CHUNK:,} parties",
        },
        load_before,
    )


def _show(connection: Connection, name: str) -> object:
    row = connection.execute(f"SHOW {name}").fetchone()
    assert row is not None
    return row[0]


def _processor() -> str:
    """Returns the processor's model. Linux has it only in this file."""
    cpuinfo = Path("/proc/cpuinfo")
    model = re.search(r"^model name\s*: (.+)$", cpuinfo.read_text(), re.MULTILINE) if cpuinfo.exists() else None
    return model[1] if model else platform.processor() or platform.machine()
