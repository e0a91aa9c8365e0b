"""Every table in one place, for migrations and tests only. The two branches of a deployment: core and training."""

import shared.access.models
import shared.assignments.models
import shared.catalogue.models
import shared.directory.models
import shared.events.models
import shared.jobs.models
from shared.database import Base

metadata = Base.metadata

TRAINING_TABLES = frozenset({"course", "course_version", "assignment"})
"""The tables that exist only where the deployment profile has training. All others are core."""

__all__ = ["TRAINING_TABLES", "metadata"]
