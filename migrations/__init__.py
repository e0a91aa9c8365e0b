"""The migrations of the schema, in two branches: `core` always runs, `training` only if the deployment has it."""

from functools import cache, partial
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, pool
from sqlalchemy.engine import make_url

from migrations.patience import patiently
from shared.settings import TRAINING

LOCK_SECONDS = 5.0
"""A migration that cannot get a lock in this time gives up, instead of making every request wait behind it."""

_HERE = Path(__file__).parent


def configuration(url: str) -> Config:
    """Returns Alembic's configuration for one database. url: as its owner."""
    config = Config()
    config.set_main_option("script_location", str(_HERE))
    config.set_main_option("path_separator", "newline")
    config.set_main_option("version_locations", f"{_HERE}/versions/core\n{_HERE}/versions/training")
    config.attributes["url"], config.attributes["lock_seconds"] = url, LOCK_SECONDS
    return config


class LaterRelease(Exception):
    """The database was migrated by a later release. Its text is a sentence for the user."""

    def __init__(self) -> None:
        super().__init__(
            "A later release of Rollcall has migrated this database; run that release, or restore a backup."
        )


def upgrade(url: str, features: frozenset[str]) -> None:
    """Migrate the branches of these features to their heads. Does nothing for a branch that is at its head.

    A migration that another transaction stops is repeated (`patience`). Raises LaterRelease.
    """
    if later(url):
        raise LaterRelease
    config = configuration(url)
    for branch in _branches(features):
        patiently(partial(command.upgrade, config, f"{branch}@head"))


def missing(url: str, features: frozenset[str]) -> list[str]:
    """Returns the branches that are not at their head in the database; empty if it is current. Works for every role.

    A branch that a later release has migrated is current: during an upgrade this release still serves.
    """
    scripts, there = _scripts(), _heads(url)
    known = [head for head in there if head in _known()]
    reached = {revision.revision for head in known for revision in scripts.iterate_revisions(head, "base")}
    ahead = {_branch_of(head) for head in there.difference(known)}
    return [
        branch
        for branch in _branches(features)
        if branch not in ahead and scripts.get_revision(f"{branch}@head").revision not in reached
    ]


def later(url: str) -> bool:
    """True if the database has a migration that this release does not know."""
    return not _heads(url) <= _known()


def _heads(url: str) -> set[str]:
    engine = create_engine(make_url(url).set(drivername="postgresql+psycopg"), poolclass=pool.NullPool)
    with engine.connect() as connection:
        return set(MigrationContext.configure(connection).get_current_heads())


def _branch_of(revision: str) -> str:
    """Returns the branch of a revision. The name of each begins with it, also in later releases."""
    return revision.rpartition("_")[0]


@cache
def _known() -> frozenset[str]:
    return frozenset(revision.revision for revision in _scripts().walk_revisions())


@cache
def _scripts() -> ScriptDirectory:
    """Returns the migrations, read from disk once, because readiness is checked every few seconds."""
    return ScriptDirectory.from_config(configuration(""))


def _branches(features: frozenset[str]) -> list[str]:
    return ["core", *([TRAINING] if TRAINING in features else [])]
