"""`python -m migrations.check`: compares the models with a new, real database that ran all migrations."""

import sys
import tempfile
from pathlib import Path

from alembic import command

import migrations
from cli import embedded
from shared.settings import TRAINING


def main() -> int:
    """Returns 0 if Alembic finds no difference between the migrated database and the models; raises otherwise."""
    with tempfile.TemporaryDirectory() as folder, embedded.running(Path(folder)) as addresses:
        migrations.upgrade(addresses.owner_database_url, frozenset({TRAINING}))
        command.check(migrations.configuration(addresses.owner_database_url))
    return 0


if __name__ == "__main__":
    sys.exit(main())
