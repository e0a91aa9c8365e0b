"""The parts of one API process, built once at its start. Routes get them as a dependency."""

from dataclasses import dataclass, field
from pathlib import Path

from api.http.connections import allowance
from api.http.shares import Shares
from shared.access import Providers, TokenVerifier
from shared.broker import Broker, make_celery
from shared.clock import Timekeeper
from shared.database import Database
from shared.demonstration import embedded_in
from shared.deployment import Presence
from shared.settings import Settings


@dataclass(frozen=True)
class Parts:
    """Settings, database, broker, token verifier and shares of this process, and its entry in the list of processes.

    timekeeper: compares this machine's clock with the database's. providers: the issuers at which people sign in.
    embedded_in: the data directory of the embedded database, None with any other.
    """

    settings: Settings
    database: Database
    broker: Broker
    tokens: TokenVerifier
    presence: Presence
    shares: Shares
    timekeeper: Timekeeper
    providers: Providers = field(default_factory=Providers)
    embedded_in: Path | None = field(default_factory=embedded_in)


def build(settings: Settings) -> Parts:
    """Build the parts. Raises BadSettings."""
    database = Database(
        settings.need_database_url(),
        name="api",
        pool_size=settings.api_pool_size,
        statement_timeout=5,
        lock_timeout=2,
    )
    return Parts(
        settings=settings,
        database=database,
        broker=Broker(make_celery(settings.need_redis_url())),
        tokens=TokenVerifier(settings),
        presence=Presence("api", settings),
        shares=Shares(allowance(settings.api_connections), settings.requests_per_second),
        timekeeper=Timekeeper(database.time),
    )
