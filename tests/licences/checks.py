"""The licence check for tests that call it below HTTP."""

import asyncio
import uuid

from shared import clock, licences
from shared.licences import Checked
from tests.factories import Org


def check_below_http(
    org: Org, party_ids: list[str], course_ids: list[str], features: frozenset[str] = frozenset({"training"})
) -> list[Checked]:
    """Check these parties for these courses now, as the route does."""
    courses, now = [uuid.UUID(one) for one in course_ids], clock.now()
    checking = licences.check(
        org.parts.database, org.id, party_ids, courses, at=now, now=now, scope=None, features=features
    )
    return asyncio.run(checking)
