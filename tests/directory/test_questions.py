"""The directory's conditions and selects for other nouns: recipients, scopes and missing folders."""

import pytest
from sqlalchemy import select

from shared import directory
from shared.directory import Party
from tests.factories import Org


@pytest.fixture
def crews(org: Org, other_org: Org) -> Org:
    """Returns an organization: anna and ben on deck, carl in the crew. Another organization has the same ids."""
    org.with_parties("anna", "ben", folder="deck")
    org.with_parties("carl", folder="crew")
    org.with_parties("dora")
    other_org.with_parties("anna", "foreign", folder="deck")
    return org


@pytest.mark.parametrize(
    ("party_ids", "folder_ids", "found"),
    [
        ([], [], []),
        (["nobody"], [], ["nobody"]),
        (["dora", "dora"], [], ["dora"]),
        ([], ["deck"], ["anna", "ben"]),
        (["ben", "dora"], ["deck", "crew", "nowhere"], ["anna", "ben", "carl", "dora"]),
    ],
)
def test_recipients_are_each_named_once(
    crews: Org, party_ids: list[str], folder_ids: list[str], found: list[str]
) -> None:
    with crews.transaction() as db:
        rows = db.execute(directory.recipients(party_ids=party_ids, folder_ids=folder_ids)).all()
    assert sorted(row.party_id for row in rows) == found


def test_inactive_members_are_recipients_too(crews: Org) -> None:
    body = {"parties": [{"entityId": "carl", "displayName": "Carl", "active": False}]}
    crews.client().put("/v1/parties", json=body)
    with crews.transaction() as db:
        assert db.scalars(directory.recipients(party_ids=[], folder_ids=["crew"])).all() == ["carl"]


@pytest.mark.parametrize(
    ("folders", "found"),
    [(None, ["anna", "ben", "carl", "dora"]), (["deck"], ["anna", "ben"]), (["crew", "nowhere"], ["carl"]), ([], [])],
)
def test_scope_narrows_any_statement_about_parties(crews: Org, folders: list[str] | None, found: list[str]) -> None:
    with crews.transaction() as db:
        rows = select(Party.id).where(directory.in_scope(Party.id, folders)).order_by(Party.id)
        assert db.scalars(rows).all() == found


def test_missing_folders_are_unknown_or_outside_the_scope(crews: Org, other_org: Org) -> None:
    other_org.client().put("/v1/folders/foreign", json={"name": "Foreign"})
    asked = ["nowhere", "deck", "foreign", "crew"]
    with crews.transaction() as db:
        assert directory.missing_folders(db, asked, None) == ["foreign", "nowhere"]
        assert directory.missing_folders(db, asked, ["deck", "nowhere"]) == ["crew", "foreign", "nowhere"]
        assert directory.missing_folders(db, [], None) == []


def test_ten_thousand_recipients_are_one_statement(crews: Org) -> None:
    party_ids = [f"p{n}" for n in range(10_000)]
    with crews.transaction() as db:
        found = db.scalars(directory.recipients(party_ids=party_ids, folder_ids=["deck"])).all()
    assert len(found) == 10_002
