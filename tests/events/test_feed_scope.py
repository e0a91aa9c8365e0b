"""The feed for a reader with a scope: only events about the parties of its folders, and all of those."""

from shared.access import Permission
from tests.factories import Org


def test_a_scoped_reader_of_the_feed_gets_only_events_about_the_parties_of_its_folders(org: Org) -> None:
    org.with_parties("crew-1", folder="drill-floor")
    org.with_parties("vet-1", folder="kennel")
    everything = org.client(Permission.READ_EVENTS).get("/v1/events").json()
    scoped = org.client(Permission.READ_EVENTS, folders=["drill-floor"]).get("/v1/events").json()
    assert {item["data"]["partyId"] for item in scoped["items"]} == {"crew-1"}
    assert "vet-1" in {item["data"].get("partyId") for item in everything["items"]}
    assert scoped["nextCursor"] == everything["nextCursor"]
