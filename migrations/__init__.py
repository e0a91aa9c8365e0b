"""The schema's history, in two branches: `core` always runs, `training` only where the deployment has it."""

from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, pool
from sqlalchemy.engine import make_url

from shared.settings import TRAINING

_HERE = Path(__file__).parent


def configuration(url: str) -> Config:
    """Alembic's configuration for one database, addressed as its owner."""
    config = Config()
    config.set_main_option("script_location", str(_HERE))
    config.set_main_option("path_separator", "newline")
    config.set_main_option("version_locations", f"{_HERE}/versions/core\n{_HERE}/versions/training")
    config.attributes["url"] = url
    return config


def upgrade(url: str, features: frozenset[str]) -> None:
    """Bring the branches of this deployment profile to their heads. Those that are there already are left alone."""
    config = configuration(url)
    for branch in _branches(features):
        command.upgrade(config, f"{branch}@head")


def missing(url: str, features: frozenset[str]) -> list[str]:
    """The branches whose head the database has not reached; empty when it is current. Any login may ask."""
    scripts = _scripts()
    engine = create_engine(make_url(url).set(drivername="postgresql+psycopg"), poolclass=pool.NullPool)
    with engine.connect() as connection:
        there = set(MigrationContext.configure(connection).get_current_heads())
    reached = {revision.revision for head in there for revision in scripts.iterate_revisions(head, "base")}
    return [branch for branch in _branches(features) if scripts.get_revision(f"{branch}@head").revision not in reached]


@cache
def _scripts() -> ScriptDirectory:
    """The migrations, read once: readiness is asked every few seconds."""
    return ScriptDirectory.from_config(configuration(""))


def _branches(features: frozenset[str]) -> list[str]:
    return ["core", *([TRAINING] if TRAINING in features else [])]
