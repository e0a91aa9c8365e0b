"""The checks of `rollcall doctor`: each looks at one part and, if it fails, says what to do."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta

import httpx2
import psutil
import psycopg
from redis import Redis
from redis.exceptions import OutOfMemoryError, RedisError, ResponseError
from sqlalchemy import func, select

import migrations
from cli import waiting
from cli.failures import explain, unreachable
from cli.system import System
from cli.waiting import CheckFailed
from migrations import finishing
from shared import access, clock, invariants, jobs
from shared.database import Database
from shared.jobs import FINAL_STATES, Job
from shared.settings import TRAINING, Settings, private_keys

OLDEST_POSTGRES, OLDEST_REDIS = 15, (6, 2)
WAITING = timedelta(minutes=1)
"""Workers look for due jobs every few seconds. If a job has waited this long, no worker runs."""
SKEW = timedelta(seconds=5)
"""Upper bound for the difference between two machines' clocks, because a licence is valid by its dates."""
PROGRAMS = ("worker", "sender", "api", "beat")


@dataclass(frozen=True)
class Check:
    """The result of one check. detail: a sentence."""

    name: str
    ok: bool
    detail: str


def run_checks(system: System, *, api_url: str | None, with_invariants: bool) -> Iterator[Check]:
    """Yields the checks of a system, ordered so that the first failure explains those after it.

    api_url: the API's address; None skips the API.
    """
    if system.stopped:
        yield Check("running", False, f"The system in {system.data_dir} is stopped; start it with `rollcall up`.")
        if with_invariants:
            with system.database() as database:
                yield from _invariants(database)
        return
    if system.state:
        yield _check("programs", lambda: _programs(system))
    yield from _database(system, with_invariants)
    yield _check("redis", lambda: _redis(system.settings.need_redis_url()))
    if TRAINING in system.settings.features:
        yield Check("credentials", True, _credentials(system.settings))
    if api_url:
        yield _check("api", lambda: _api(api_url))


def _check(name: str, run: Callable[[], str]) -> Check:
    """Runs a check that returns a sentence or raises CheckFailed; any other error fails it too."""
    try:
        return Check(name, True, run())
    except CheckFailed as failure:
        return Check(name, False, str(failure))
    except Exception as error:
        return Check(name, False, explain(error)[0])


def _programs(system: System) -> str:
    """Checks the processes of `rollcall up`, which starts one again after it ended."""
    assert system.state is not None
    alive = {program.name: program.pid for program in system.state.processes if psutil.pid_exists(program.pid)}
    if missing := [name for name in PROGRAMS if name not in alive]:
        raise CheckFailed(f"Not running: {', '.join(missing)}. See the output of `rollcall up` for the cause.")
    return ", ".join(f"{name} {pid}" for name, pid in alive.items())


def _database(system: System, with_invariants: bool) -> Iterator[Check]:
    url = system.settings.need_database_url()
    yield (reachable := _check("postgresql", lambda: _postgres(url)))
    if not reachable.ok:
        return
    yield (current := _check("migrations", lambda: _migrated(url, system.settings.features)))
    if not current.ok:
        return
    yield _check("upgrade", lambda: _finished(url))
    database = Database(url, name="doctor", pool_size=1, statement_timeout=600)
    try:
        yield (serving := _check("serving role", lambda: _serves(database)))
        if serving.ok:
            yield _check("row-level security", lambda: _guarded(database))
            yield _check("clock", lambda: _clock(database))
            yield _check("writes", lambda: waiting.writes(database))
            yield _check("work", lambda: _work(database))
            yield _check("mail", lambda: waiting.mail(database, system.settings))
            if TRAINING in system.settings.features:
                yield _check("sweep", lambda: waiting.sweep(database))
                yield _check("course codes", lambda: waiting.course_codes(database))
            yield _check("processes", lambda: waiting.processes(database))
            if with_invariants:
                yield from _invariants(database)
    finally:
        database.close()


def _postgres(url: str) -> str:
    try:
        with psycopg.connect(url, connect_timeout=3) as connection:
            number = connection.info.server_version
            version = connection.info.parameter_status("server_version")
            where = f"{connection.info.host}:{connection.info.port}/{connection.info.dbname}"
    except psycopg.OperationalError as error:
        raise CheckFailed(unreachable(url, error)) from None
    if number // 10_000 < OLDEST_POSTGRES:
        raise CheckFailed(f"PostgreSQL {version} at {where} is too old; Rollcall needs {OLDEST_POSTGRES} or later.")
    return f"PostgreSQL {version} at {where}"


def _migrated(url: str, features: frozenset[str]) -> str:
    if behind := migrations.missing(url, features):
        raise CheckFailed(f"The schema is behind ({', '.join(behind)}); run `rollcall migrate`.")
    return "The schema is current."


def _finished(url: str) -> str:
    if left := finishing.unfinished(url):
        raise CheckFailed(
            f"Left for the former release: {', '.join(left)}. When none of its processes runs any more, run "
            "`rollcall migrate --finish`. Until then a session grants nobody again what was taken back."
        )
    return "No index is left for a former release."


def _serves(database: Database) -> str:
    """Checks the serving role by opening a connection: each connection verifies its role."""
    with database.transaction(None) as db:
        role = db.scalar(select(func.current_user()))
    return f"{role} owns no table and cannot bypass row-level security."


def _guarded(database: Database) -> str:
    (guards,) = (invariant for invariant in invariants.INVARIANTS if invariant.name == "I7")
    with database.transaction(None) as db:
        if places := invariants.places(db, guards):
            raise CheckFailed(
                f"No row-level security on: {', '.join(places)}. Run `rollcall migrate`, and find out who removed it."
            )
    return "Every table has row-level security, also for its owner."


def _clock(database: Database) -> str:
    with database.transaction(None) as db:
        there = db.scalars(select(func.clock_timestamp())).one()
    apart = abs(clock.now() - there)
    if apart > SKEW:
        raise CheckFailed(
            f"The clocks of this machine and the database differ by {apart.total_seconds():.0f} s; set them by NTP."
        )
    return f"This machine and the database differ by {apart.total_seconds() * 1000:.0f} ms."


def _work(database: Database) -> str:
    """Checks that workers serve jobs. If not, names how long the oldest has waited."""
    now = clock.now()
    with database.transaction(None) as db:
        waiting = jobs.organizations_with_due_jobs(db, now - WAITING)
    if not waiting:
        return f"No job has waited for {WAITING.total_seconds():.0f} s."
    oldest = now
    for org_id in waiting:
        with database.transaction(org_id) as db:
            since = db.scalar(select(func.min(Job.progressed_at)).where(Job.state.not_in(FINAL_STATES)))
        oldest = min(oldest, since or now)
    minutes = (now - oldest).total_seconds() / 60
    raise CheckFailed(
        f"Jobs of {len(waiting):,} organizations are waiting, the oldest for {minutes:,.0f} minutes; start "
        "`rollcall worker` and `rollcall beat`."
    )


def _credentials(settings: Settings) -> str:
    """Says whether this deployment signs credentials. It need not, so this check never fails."""
    if settings.credential_key is None:
        return "Not signed: ROLLCALL_CREDENTIAL_KEY is not set. `rollcall keys credential` makes a key."
    former = len(private_keys(settings.credential_key)) - 1
    return f"Signed with the key in ROLLCALL_CREDENTIAL_KEY{f', which also has {former} former' if former else ''}."


def _redis(url: str) -> str:
    try:
        with Redis.from_url(url, socket_connect_timeout=3, socket_timeout=3) as redis:
            known = redis.info()
            redis.set("rollcall:writes", 1, ex=10)
    except OutOfMemoryError:
        raise CheckFailed(
            "Redis is full, so jobs are accepted but wait. Raise its `maxmemory`; nothing is lost meanwhile."
        ) from None
    except ResponseError:
        return "The built-in replacement for Redis, which is slow: use it for trying out only."
    except RedisError as error:
        raise CheckFailed(
            f"Redis cannot be reached ({type(error).__name__}), so jobs are accepted but wait. Start it, or correct "
            "ROLLCALL_REDIS_URL."
        ) from None
    version, policy = str(known.get("redis_version", "0")), known.get("maxmemory_policy")
    if tuple(int(part) for part in version.split(".")[:2]) < OLDEST_REDIS:
        raise CheckFailed(f"Redis {version} is too old; Rollcall needs {'.'.join(map(str, OLDEST_REDIS))} or later.")
    if policy != "noeviction":
        raise CheckFailed(
            f"Redis {version} may drop whole queues when its memory is full (maxmemory-policy {policy}). Run "
            "`redis-cli config set maxmemory-policy noeviction`, and set the same in its configuration file."
        )
    return f"Redis {version}, which drops no data."


def _api(url: str) -> str:
    try:
        response = httpx2.get(f"{url}/health/ready", timeout=5)
    except httpx2.TransportError as error:
        raise CheckFailed(
            f"The API at {url} does not answer ({type(error).__name__}); start it with `rollcall api`."
        ) from None
    if not response.is_success:
        raise CheckFailed(f"The API at {url} is not ready ({response.status_code}). It says: {response.text[:300]}")
    return f"Ready at {url}"


def _invariants(database: Database) -> Iterator[Check]:
    """Yields one check for each invariant, over all organizations."""
    with database.transaction(None) as db:
        org_ids = access.list_organization_ids(db)
    broken: dict[str, list[str]] = {}
    for org_id in org_ids:
        with database.transaction(org_id) as db:
            for violation in invariants.violations(db):
                broken.setdefault(violation.invariant.name, []).append(f"{org_id}: {violation.place}")
    for invariant in invariants.INVARIANTS:
        places = broken.get(invariant.name, [])
        promise = f"{invariant.promise[0].upper()}{invariant.promise[1:]}"
        broken_at = f"{promise}. Broken: {'; '.join(places)}. Please report it."
        detail = broken_at if places else f"{promise}: true for {len(org_ids):,} organizations."
        yield Check(invariant.name, not places, detail)
