"""Adding an organization, and changing what it may use."""

import pytest

from shared import access, clock
from shared.access import OrganizationExists
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
        access.limit_changes(db, 5, actor=OPERATOR, now=clock.now())
        with blocked(org, lambda db: access.limit_changes(db, 7, actor=OPERATOR, now=clock.now())) as second:
            db.commit()
        second.result()
    changes = [event.data for event in recorded(org, "organization.settings_changed")]
    assert changes == [
        {"changeLimit": 5, "former": {"changeLimit": None}},
        {"changeLimit": 7, "former": {"changeLimit": 5}},
    ]
    assert limit(org) == 7
