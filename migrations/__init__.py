"""The migrations of the schema, in two branches: `core` always runs, `training` only if the deployment has it."""

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
    """Returns Alembic's configuration for one database. url: as its owner."""
    config = Config()
    config.set_main_option("script_location", str(_HERE))
    config.set_main_option("path_separator", "newline")
    config.set_main_option("version_locations", f"{_HERE}/versions/core\n{_HERE}/versions/training")
    config.attributes["url"] = url
    return config


def upgrade(url: str, features: frozenset[str]) -> None:
    """Migrate the branches of these features to their heads. Does nothing for a branch that is at its head."""
    config = configuration(url)
    for branch in _branches(features):
        command.upgrade(config, f"{branch}@head")


def missing(url: str, features: frozenset[str]) -> list[str]:
    """Returns the branches that are not at their head in the database; empty if it is current. Works for every role."""
    scripts = _scripts()
    engine = create_engine(make_url(url).set(drivername="postgresql+psycopg"), poolclass=pool.NullPool)
    with engine.connect() as connection:
        there = set(MigrationContext.configure(connection).get_current_heads())
    reached = {revision.revision for head in there for revision in scripts.iterate_revisions(head, "base")}
    return [branch for branch in _branches(features) if scripts.get_revision(f"{branch}@head").revision not in reached]


@cache
def _scripts() -> ScriptDirectory:
    """Returns the migrations, read from disk once, because readiness is checked every few seconds."""
    return ScriptDirectory.from_config(configuration(""))


def _branches(features: frozenset[str]) -> list[str]:
    return ["core", *([TRAINING] if TRAINING in features else [])]
