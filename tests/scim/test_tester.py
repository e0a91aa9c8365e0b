"""Every check of scim2-tester passes."""

from tests.factories import Org
from tests.scim.tester import checked


def test_every_check_of_scim2_tester_passes(org: Org) -> None:
    assert len(checked(org)) >= 50
