"""Filters as SQL, against the library's own evaluation of the same filter on the same resources."""

from typing import Any

import pytest
from scim2_models import ScimFilter

from api.scim.models import ENTERPRISE, PROVIDER, USER
from tests.factories import Org
from tests.scim.calling import found, made, scim, user

PEOPLE: list[dict[str, Any]] = [
    {"userName": "Anna", "displayName": "Änna Ødegård", "emails": [{"value": "Anna@Work.example", "type": "work"}]},
    {"userName": "ben_%", "displayName": "Ben 50% off", "active": False, "timezone": "Europe/Oslo"},
    {"userName": "carl", "displayName": "carl", "externalId": "E-3", "preferredLanguage": "nb"},
    {
        "userName": "dora.x",
        "displayName": "DORA",
        "emails": [{"value": "dora@x.example"}],
        ENTERPRISE: {"manager": {"value": "Anna"}},
    },
]

FILTERS = [
    'userName eq "ANNA"',
    'userName ne "anna"',
    'userName sw "ben_"',
    'userName ew "_%"',
    'userName co "A"',
    'userName gt "b"',
    'userName le "carl"',
    'displayName eq "ÄNNA ødegård"',
    'displayName co "%"',
    'displayName co "ø"',
    'externalId eq "E-3"',
    'externalId eq "e-3"',
    'externalId ne "E-3"',
    "externalId eq null",
    "externalId ne null",
    "externalId pr",
    'id eq "carl"',
    'id eq "CARL"',
    "active eq true",
    'active eq "True"',
    'active ne "false"',
    "active eq 1",
    "active ne true",
    "not (active eq true)",
    "emails pr",
    'emails eq "anna@work.example"',
    'emails.value co "@"',
    'emails co "work.EXAMPLE"',
    'emails ne "anna@work.example"',
    'not (emails.value co "x")',
    'emails[type eq "work" and value co "dora"]',
    'emails[not (value co "dora")]',
    'not (emails[value co "dora"])',
    'timezone eq "europe/oslo"',
    "timezone pr and active eq false",
    'preferredLanguage eq "NB" or timezone pr',
    'preferredLanguage eq "nb" or (active eq false and userName co "z")',
    'meta.created gt "2020-01-01T00:00:00Z"',
    'meta.lastModified lt "2020-01-01T00:00:00Z"',
    'meta.resourceType eq "User"',
    f'{ENTERPRISE}:manager.value eq "Anna"',
    f"{ENTERPRISE}:manager pr",
    'urn:ietf:params:scim:schemas:core:2.0:User:userName eq "CARL"',
    "groups pr",
    'groups.value eq "crew" and groups.display co "RE"',
    'groups[value eq "crew"]',
]


def test_a_filter_finds_what_the_library_finds(org: Org) -> None:
    client = scim(org)
    for person in PEOPLE:
        assert client.post("Users", json=user("") | person).status_code == 201
    org.client().put("/v1/folders/crew", json={"name": "Crew", "partyIds": ["Anna", "carl"]})
    model = PROVIDER.model_for(USER)
    assert model is not None
    everybody = client.get("Users").json()["Resources"]
    with PROVIDER:
        people = [model.model_validate(one) for one in everybody]
        expected = {
            text: [one.id for one in people if ScimFilter[model](text).match(one)]  # type: ignore[valid-type,attr-defined]
            for text in FILTERS
        }
    assert len(people) == 4
    assert {text: found(client, "Users", text) for text in FILTERS} == expected
    some = [ids for ids in expected.values() if 0 < len(ids) < 4]
    assert len(some) > 25


def test_a_filter_by_name_finds_users_and_parties_that_no_client_has_named(org: Org) -> None:
    client = scim(org)
    made(client, "anna@example.org")
    org.with_parties("Ben")
    assert len(found(client, "Users", 'userName eq "ANNA@example.org"')) == 1
    assert found(client, "Users", 'userName eq "ben"') == ["Ben"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "userName",
        'userName eq "a',
        'userName foo "a"',
        "active gt true",
        "active eq 5",
        "userName eq true",
        'meta.created gt "yesterday"',
        'meta.created co "20"',
        'meta.version eq "x"',
        'schemas eq "x"',
        'nickName eq "x"',
        'members.value eq "x"',
        'userName eq "a\\u0000b"',
        " or ".join(['userName eq "a"'] * 11),
        "not (not (not (not (active eq true))))",
        "(" * 3000 + 'userName eq "a"' + ")" * 3000,
        "not (" * 19 + "active eq true" + ")" * 19,
        'userName eq "' + "x" * 5000 + '"',
        "emails[" * 10 + "type pr" + "]" * 10,
    ],
)
def test_a_filter_that_is_wrong_or_too_large_is_refused(org: Org, text: str) -> None:
    client = scim(org)
    for answer in (
        client.get("Users", params={"filter": text}),
        client.post(
            "Users/.search", json={"schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"], "filter": text}
        ),
    ):
        assert (answer.status_code, answer.json().get("scimType")) == (400, "invalidFilter"), answer.text


def test_ten_terms_nested_three_deep_are_taken(org: Org) -> None:
    ten = " or ".join([f'(userName eq "a{n}" and not (active eq false))' for n in range(5)])
    assert scim(org).get("Users", params={"filter": ten}).status_code == 200


def test_a_place_beyond_every_list_is_an_empty_page(org: Org) -> None:
    client = scim(org)
    made(client, "anna@example.org")
    for start in (10**4, 10**20):
        answer = client.get("Users", params={"startIndex": start})
        assert (answer.status_code, answer.json()["totalResults"]) == (200, 1)
        assert answer.json().get("Resources", []) == []
