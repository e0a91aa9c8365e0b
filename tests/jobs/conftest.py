"""Fixtures for the tests of this folder."""

import pytest

from tests.assignments.asking import body, submit
from tests.factories import Org


@pytest.fixture
def job(org: Org) -> str:
    """The id of a job that no worker has begun."""
    org.with_parties("party-1")
    found: str = submit(org.client(), body(org.with_course(), "party-1"))["id"]
    return found
