"""A reader who sees only some folders is told of their parties alone, and still misses nothing of those."""

from shared.access import Permission
from tests.factories import Org


def test_the_feed_of_a_scoped_reader(org: Org) -> None:
    org.with_parties("crew-1", folder="drill-floor")
    org.with_parties("vet-1", folder="kennel")
    everything = org.client(Permission.READ_EVENTS).get("/v1/events").json()
    scoped = org.client(Permission.READ_EVENTS, folders=["drill-floor"]).get("/v1/events").json()
    assert {item["data"]["partyId"] for item in scoped["items"]} == {"crew-1"}
    assert "vet-1" in {item["data"].get("partyId") for item in everything["items"]}
    assert scoped["nextCursor"] == everything["nextCursor"]
