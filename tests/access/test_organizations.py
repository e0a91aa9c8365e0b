"""Adding an organization, and changing what it may use."""

import pytest
from sqlalchemy.orm import Session

from shared import access, clock
from shared.access import OrganizationExists, SettingsChange
from shared.errors import InvalidInput
from tests.factories import OPERATOR, Org
from tests.feed import recorded
from tests.racing import blocked


def add(org: Org, name: str, time_zone: str) -> None:
    with org.transaction() as db:
        access.add_organization(db, name=name, time_zone=time_zone, actor=OPERATOR, now=clock.now())


def limit(org: Org) -> int | None:
    with org.transaction() as db:
        return access.get_organization(db).change_limit


def test_an_organization_that_exists_is_refused_and_stays_as_it_is(org: Org) -> None:
    with org.transaction() as db:
        before = access.get_organization(db).name
    with pytest.raises(OrganizationExists, match=org.id):
        add(org, "Again", "UTC")
    with org.transaction() as db:
        assert access.get_organization(db).name == before
    assert len(recorded(org, "organization.added")) == 1


@pytest.mark.parametrize("time_zone", ["Mars/Olympus", "localtime", ""])
def test_an_organization_in_an_unknown_time_zone_is_refused(org: Org, time_zone: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        add(org, "Mars", time_zone)
    assert [fault.pointer for fault in refused.value.errors] == ["/timeZone"]


def test_of_two_changes_of_a_setting_at_once_the_second_records_the_value_of_the_first(org: Org) -> None:
    with org.transaction() as db:
        access.change_settings(db, {"change_limit": 5}, actor=OPERATOR, now=clock.now())

        def second_change(db: Session) -> None:
            access.change_settings(db, {"change_limit": 7}, actor=OPERATOR, now=clock.now())

        with blocked(org, second_change) as second:
            db.commit()
        second.result()
    changes = [event.data for event in recorded(org, "organization.settings_changed")]
    assert changes == [
        {"changeLimit": 5, "former": {"changeLimit": None}},
        {"changeLimit": 7, "former": {"changeLimit": 5}},
    ]
    assert limit(org) == 7


SETTINGS: dict[str, list[object]] = {"changeLimit": [5, 0, None], "language": ["de", "pt-BR", None]}
"""Values of each setting that can be changed, the last one being none."""


def test_every_setting_that_can_be_changed_has_examples() -> None:
    assert SETTINGS.keys() == {field.alias for field in SettingsChange.model_fields.values()}


@pytest.mark.parametrize("name", SETTINGS)
def test_a_setting_that_is_not_mentioned_stays_and_null_clears_it(org: Org, name: str) -> None:
    client = org.client()
    others = {other: values[0] for other, values in SETTINGS.items() if other != name}
    assert client.put("/v1/settings", json=others).status_code == 200
    for value in SETTINGS[name]:
        answer = client.put("/v1/settings", json={name: value}).json()
        assert {each: answer[each] for each in SETTINGS} == others | {name: value}
    before = client.get("/v1/settings").json()
    facts = len(recorded(org))
    assert client.put("/v1/settings", json={}).json() == before
    assert len(recorded(org)) == facts


def test_a_change_of_the_language_keeps_the_change_limit_in_the_event(org: Org) -> None:
    client = org.client()
    client.put("/v1/settings", json={"changeLimit": 5})
    client.put("/v1/settings", json={"language": "de-ch"})
    assert recorded(org, "organization.settings_changed")[-1].data == {
        "changeLimit": 5,
        "language": "de-CH",
        "former": {"language": None},
    }
    refused = client.put("/v1/settings", json={"language": "not a tag"})
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/language")
