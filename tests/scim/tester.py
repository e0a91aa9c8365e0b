"""Runs scim2-tester, the judge of the RFCs, on the application: for the suite and for `make judges`."""

from scim2_client.engines.httpx2 import SyncSCIMClient
from scim2_tester import CheckResult, Status, check_server

from shared.access import Permission
from tests.factories import Org


def checked(org: Org) -> list[CheckResult]:
    """Return the result of every check that it knows. Fails for one that does not pass."""
    client = org.client(Permission.SYNC_DIRECTORY)
    client.base_url = client.base_url.join("/scim/v2")
    results = check_server(SyncSCIMClient(client))
    wrong = [f"{one.title} {one.resource_type}: {one.reason}" for one in results if one.status != Status.SUCCESS]
    assert wrong == []
    return results
