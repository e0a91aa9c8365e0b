"""Is everything reachable, current and safe? Each check asks one thing; where the answer is no, it says what to do."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta

import httpx2
import psutil
import psycopg
from redis import Redis
from redis.exceptions import RedisError, ResponseError
from sqlalchemy import func, select

import migrations
from cli.failures import explain, unreachable
from cli.system import System
from shared import access, clock, invariants, jobs
from shared.database import Database
from shared.jobs import FINAL_STATES, Job
from shared.settings import TRAINING, Settings, private_keys

OLDEST_POSTGRES, OLDEST_REDIS = 15, (6, 2)
WAITING = timedelta(minutes=1)
"""Work that is due is looked for every few seconds: a job that nobody served for so long has no worker."""
SKEW = timedelta(seconds=5)
"""Whether a licence is valid should not depend on which machine's clock is asked."""
PROGRAMS = ("worker", "sender", "api", "beat")


class Unwell(Exception):
    """The answer of a check that is not ok: a sentence with the next step."""


@dataclass(frozen=True)
class Check:
    """One question and its answer, a sentence."""

    name: str
    ok: bool
    detail: str


def examine(system: System, *, api_url: str | None, ask_invariants: bool) -> Iterator[Check]:
    """The checks of a system, in an order in which the first that fails explains those after it.

    api_url: where to ask the API; None leaves it out.
    """
    if system.resting:
        yield Check("running", False, f"The Rollcall in {system.data_dir} rests; `rollcall up` starts it.")
        if ask_invariants:
            with system.database() as database:
                yield from _invariants(database)
        return
    if system.state:
        yield _check("programs", lambda: _programs(system))
    yield from _database(system, ask_invariants)
    yield _check("redis", lambda: _redis(system.settings.need_redis_url()))
    if TRAINING in system.settings.features:
        yield Check("credentials", True, _credentials(system.settings))
    if api_url:
        yield _check("api", lambda: _api(api_url))


def _check(name: str, ask: Callable[[], str]) -> Check:
    try:
        return Check(name, True, ask())
    except Unwell as unwell:
        return Check(name, False, str(unwell))
    except Exception as error:
        return Check(name, False, explain(error)[0])


def _programs(system: System) -> str:
    """What `up` keeps running: one that is down for a moment is started again."""
    assert system.state is not None
    alive = {program.name: program.pid for program in system.state.processes if psutil.pid_exists(program.pid)}
    if missing := [name for name in PROGRAMS if name not in alive]:
        raise Unwell(f"Not running just now: {', '.join(missing)}. What `rollcall up` prints says why.")
    return ", ".join(f"{name} {pid}" for name, pid in alive.items())


def _database(system: System, ask_invariants: bool) -> Iterator[Check]:
    url = system.settings.need_database_url()
    yield (reachable := _check("postgresql", lambda: _postgres(url)))
    if not reachable.ok:
        return
    yield (current := _check("migrations", lambda: _migrated(url, system.settings.features)))
    if not current.ok:
        return
    database = Database(url, name="doctor", pool_size=1, statement_timeout=600)
    try:
        yield (serving := _check("serving role", lambda: _serves(database)))
        if serving.ok:
            yield _check("row-level security", lambda: _guarded(database))
            yield _check("clock", lambda: _clock(database))
            yield _check("work", lambda: _work(database))
            if ask_invariants:
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
        raise Unwell(unreachable(url, error)) from None
    if number // 10_000 < OLDEST_POSTGRES:
        raise Unwell(f"PostgreSQL {version} at {where} is too old; Rollcall needs {OLDEST_POSTGRES} or later.")
    return f"PostgreSQL {version} at {where}"


def _migrated(url: str, features: frozenset[str]) -> str:
    if behind := migrations.missing(url, features):
        raise Unwell(f"The schema is behind ({', '.join(behind)}); run `rollcall migrate`.")
    return "The schema is current."


def _serves(database: Database) -> str:
    """Every connection asserts that its role is safe, so opening one is the check."""
    with database.transaction(None) as db:
        role = db.scalar(select(func.current_user()))
    return f"{role} owns nothing and bypasses nothing."


def _guarded(database: Database) -> str:
    (guards,) = (invariant for invariant in invariants.INVARIANTS if invariant.name == "I7")
    with database.transaction(None) as db:
        if places := invariants.places(db, guards):
            raise Unwell(f"Not guarded: {', '.join(places)}. Run `rollcall migrate`, and find out who changed it.")
    return "Every table of an organization is guarded, for its owner too."


def _clock(database: Database) -> str:
    with database.transaction(None) as db:
        there = db.scalars(select(func.clock_timestamp())).one()
    apart = abs(clock.now() - there)
    if apart > SKEW:
        raise Unwell(f"The clocks here and in the database are {apart.total_seconds():.0f} s apart; set them by NTP.")
    return f"Here and in the database {apart.total_seconds() * 1000:.0f} ms apart."


def _work(database: Database) -> str:
    """Whether jobs are being served: the oldest that nobody has looked at for a while."""
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
    raise Unwell(
        f"Jobs of {len(waiting):,} organizations wait, the oldest for {minutes:,.0f} minutes; see that a "
        "`rollcall worker` and a `rollcall beat` run."
    )


def _credentials(settings: Settings) -> str:
    """Nothing is wrong without a key; whoever misses credentials should read here why."""
    if settings.credential_key is None:
        return "None are signed from here: ROLLCALL_CREDENTIAL_KEY is not set; `rollcall keys credential` makes a key."
    former = len(private_keys(settings.credential_key)) - 1
    return f"There is a key that signs them{f', and {former} former' if former else ''}."


def _redis(url: str) -> str:
    try:
        with Redis.from_url(url, socket_connect_timeout=3, socket_timeout=3) as redis:
            redis.ping()
            known = redis.info()
    except ResponseError:
        return "It answers, but tells neither version nor policy: the stand-in, good for trying out only."
    except RedisError as error:
        raise Unwell(
            f"Redis cannot be used ({type(error).__name__}); jobs are accepted and wait. Start it, or correct "
            "ROLLCALL_REDIS_URL."
        ) from None
    version, policy = str(known.get("redis_version", "0")), known.get("maxmemory_policy")
    if tuple(int(part) for part in version.split(".")[:2]) < OLDEST_REDIS:
        raise Unwell(f"Redis {version} is too old; Rollcall needs {'.'.join(map(str, OLDEST_REDIS))} or later.")
    if policy != "noeviction":
        raise Unwell(
            f"Redis {version} may drop whole queues when its memory is full (maxmemory-policy {policy}); run "
            "`redis-cli config set maxmemory-policy noeviction`, and write it into its configuration."
        )
    return f"Redis {version}, which evicts nothing."


def _api(url: str) -> str:
    try:
        answer = httpx2.get(f"{url}/health/ready", timeout=5)
    except httpx2.TransportError as error:
        raise Unwell(f"The API does not answer at {url} ({type(error).__name__}); run `rollcall api`.") from None
    if not answer.is_success:
        raise Unwell(f"The API at {url} is not ready ({answer.status_code}); its own checks: {answer.text[:300]}")
    return f"Ready at {url}"


def _invariants(database: Database) -> Iterator[Check]:
    """One check for each invariant, over all organizations."""
    with database.transaction(None) as db:
        org_ids = access.organization_ids(db)
    broken: dict[str, list[str]] = {}
    for org_id in org_ids:
        with database.transaction(org_id) as db:
            for violation in invariants.violations(db):
                broken.setdefault(violation.invariant.name, []).append(f"{org_id}: {violation.place}")
    for invariant in invariants.INVARIANTS:
        places = broken.get(invariant.name, [])
        promise = f"{invariant.promise[0].upper()}{invariant.promise[1:]}"
        detail = f"{promise}. Not so: {'; '.join(places)}" if places else f"{promise}: {len(org_ids):,} organizations."
        yield Check(invariant.name, not places, detail)
