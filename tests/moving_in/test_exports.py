"""Exports can be imported: the list of people as CSV for spreadsheets and as a workbook."""

import pytest

from shared.access import Permission
from shared.sheets import CSV, XLSX
from tests.factories import Org

SYNC = Permission.SYNC_DIRECTORY
PEOPLE = [
    {"entityId": "p-1", "displayName": "@handle", "email": "+a@b.example", "folders": ["-crew", "deck"]},
    {"entityId": "007", "displayName": "'@quoted", "active": False, "timeZone": "Europe/Oslo", "language": "nb"},
    {"entityId": "1e5", "displayName": '=SUM(1;"2"),|x', "memberId": "m-3"},
    {"entityId": "45352", "displayName": "Zoë Łucja Пётр\tA", "folders": []},
]


@pytest.mark.parametrize("accept", [CSV, f"{CSV}; header=bom", XLSX])
def test_people_that_are_exported_and_put_again_are_unchanged(org: Org, other_org: Org, accept: str) -> None:
    client, other = org.client(SYNC), other_org.client(SYNC)
    assert client.put("/v1/parties", json={"parties": PEOPLE}).json()["created"] == len(PEOPLE)
    exported = client.get("/v1/parties", headers={"Accept": accept}).content
    kind = {"Content-Type": accept.partition(";")[0]}
    again = client.put("/v1/parties", content=exported, headers=kind).json()
    assert (again["unchanged"], again["failed"]) == (len(PEOPLE), 0)
    assert again["ignoredColumns"] == ["createdAt", "updatedAt", "erasedAt"]
    assert other.put("/v1/parties", content=exported, headers=kind).json()["created"] == len(PEOPLE)
    copies = [each.get("/v1/parties").json()["items"] for each in (client, other)]
    for party in (*copies[0], *copies[1]):
        del party["createdAt"], party["updatedAt"]
    assert copies[0] == copies[1]
