"""Synchronisations at the same time: they wait for each other in one order, and count no party twice."""

from concurrent.futures import ThreadPoolExecutor
from random import Random

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from shared import clock, directory
from shared.access import Permission
from shared.directory import Folder, FolderRequest, Party, PartyRow, Synced
from shared.events import Actor
from tests.factories import Org
from tests.feed import recorded, subjects
from tests.racing import blocked

SOURCE = Actor("member", "source")


def sync(db: Session, *party_ids: str, name: str = "Name", folders: list[str] | None = None) -> Synced:
    mentioned = {} if folders is None else {"folders": folders}
    rows = [PartyRow(entity_id=party_id, display_name=name, **mentioned) for party_id in party_ids]
    return directory.put_parties(db, rows, SOURCE, clock.now())


def test_a_party_that_two_synchronisations_bring_at_once_is_created_once(org: Org) -> None:
    with org.transaction() as first:
        sync(first, "a", "b", name="First", folders=["crew"])
        with blocked(org, lambda db: sync(db, "b", "a", name="Second", folders=["crew", "deck"])) as second:
            first.commit()
        assert second.result() == Synced(created=0, updated=2, unchanged=0)
    assert subjects(org, "party.created") == ["party/a", "party/b"]
    assert subjects(org, "folder.created") == ["folder/crew", "folder/deck"]
    assert {tuple(event.data["changed"]) for event in recorded(org, "party.changed")} == {("displayName", "folders")}
    party = org.client().get("/v1/parties/a").json()
    assert (party["displayName"], party["folders"]) == ("Second", ["crew", "deck"])


def test_parties_are_locked_in_the_order_of_their_ids(org: Org) -> None:
    org.with_parties("a", "b", "c")
    with org.transaction() as first:
        first.execute(select(Party.id).where(Party.id == "b").with_for_update())
        with blocked(org, lambda db: sync(db, "c", "b", "a")) as second:
            with org.transaction() as third:
                free = third.scalars(select(Party.id).order_by(Party.id).with_for_update(skip_locked=True)).all()
            first.commit()
        assert second.result().updated == 3
    assert free == ["c"]


def test_new_parties_are_inserted_in_the_order_of_their_ids(org: Org) -> None:
    def bring(db: Session, party_id: str) -> None:
        now = clock.now()
        values = {"org_id": org.id, "id": party_id, "display_name": "Name", "created_at": now, "updated_at": now}
        db.execute(insert(Party).values(values))

    with org.transaction() as first:
        bring(first, "b")
        with blocked(org, lambda db: sync(db, "c", "b", "a")) as second:
            with org.transaction() as third:
                bring(third, "c")  # would deadlock, had the second inserted c before it waited for b
            first.commit()
        assert second.result() == Synced(created=1, updated=0, unchanged=2)


def test_a_party_that_another_synchronisation_changed_is_compared_as_it_is_now(org: Org) -> None:
    org.with_parties("a", folder="crew")
    with org.transaction() as first:
        sync(first, "a", name="New", folders=["deck"])
        with blocked(org, lambda db: sync(db, "a", name="New", folders=["deck"])) as second:
            first.commit()
        assert second.result() == Synced(created=0, updated=0, unchanged=1)


def test_a_put_of_a_folder_waits_for_a_synchronisation_of_its_parties(org: Org) -> None:
    org.with_parties("a", "b")

    def put_folder(db: Session) -> bool:
        request = FolderRequest(name="Deck", party_ids=["b", "a"])
        return directory.put_folder(db, "deck", request, SOURCE, clock.now())

    with org.transaction() as first:
        sync(first, "a", folders=["deck"])
        with blocked(org, put_folder) as second:
            first.commit()
        assert second.result() is False
    [folder] = org.client().get("/v1/folders").json()["items"]
    assert (folder["name"], folder["partyCount"]) == ("Deck", 2)


def test_a_put_of_a_folder_waits_for_a_synchronisation_of_a_member_that_it_removes(org: Org) -> None:
    """Otherwise it would delete the membership as it was, and leave the one that the synchronisation wrote anew."""
    org.with_parties("a", folder="deck")
    empty = FolderRequest(name="Deck", party_ids=[])
    with org.transaction() as first:
        sync(first, "a", folders=["crew", "deck"])
        with blocked(org, lambda db: directory.put_folder(db, "deck", empty, SOURCE, clock.now())) as second:
            first.commit()
        second.result()
    assert org.client().get("/v1/parties/a").json()["folders"] == ["crew"]


def test_new_folders_are_inserted_in_the_order_of_their_ids(org: Org) -> None:
    with org.transaction() as first:
        first.execute(insert(Folder).values(folder("b", org)))
        with blocked(org, lambda db: sync(db, "p", folders=["c", "b", "a"])) as second:
            with org.transaction() as third:
                third.execute(insert(Folder).values(folder("c", org)))  # waits if the second has inserted c before b
            first.commit()
        assert second.result().created == 1
    assert org.client().get("/v1/parties/p").json()["folders"] == ["a", "b", "c"]


def folder(folder_id: str, org: Org) -> dict[str, object]:
    now = clock.now()
    return {"org_id": org.id, "id": folder_id, "name": "Folder", "created_at": now, "updated_at": now}


def test_many_synchronisations_at_once_neither_deadlock_nor_lose_a_party(org: Org) -> None:
    party_ids = [f"p{n}" for n in range(60)]

    def put(seed: int) -> int:
        random = Random(seed)
        client = org.client(Permission.SYNC_DIRECTORY)
        parties = [
            {"entityId": party_id, "displayName": f"{seed}", "folders": random.sample(["x", "y", "z"], 2)}
            for party_id in random.sample(party_ids, 50)
        ]
        if seed % 4:
            return client.put("/v1/parties", json={"parties": parties}).status_code
        return client.put(f"/v1/folders/{'xyz'[seed % 3]}", json={"name": f"{seed}", "partyIds": []}).status_code

    org.with_parties(*party_ids[:30])
    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(put, range(1, 25))) <= {200, 201}
    created = subjects(org, "party.created")
    assert len(created) == len(set(created)) == 60
