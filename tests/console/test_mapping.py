"""The mapping of an issuer: what its groups give, whom a member represents, who may change it, what a change ends."""

import json
from typing import Any

import pytest

from shared import clock
from shared.access import (
    Binding,
    Caller,
    CannotGive,
    MappingChange,
    Permission,
    PermissionDenied,
    SignInIssuer,
    member_of,
)
from shared.errors import InvalidInput, NotFound, Stale
from shared.services import sign_in_mapping
from tests.console.issuing import Issuer, begin, bind, browser_of, is_refused, remap, rows, sign_in
from tests.console.probing import status
from tests.factories import Org, add_org

ADMIN, VIEW, ASSIGN = Permission.ADMIN, Permission.VIEW, Permission.ASSIGN


def seen(home: Org, strict: Issuer, bound: SignInIssuer, **claims: Any) -> dict[str, Any]:
    """Sign in with these claims. Return what a page is told."""
    strict.claims |= claims
    browser = browser_of(home)
    answer = sign_in(browser, home, bound, strict)
    assert answer.status_code == 303, answer.text
    told: dict[str, Any] = browser.get("/probe").json()
    return told


# --- what groups give


@pytest.mark.parametrize("groups", [[], ["others"], "crew ", None, {"crew": True}, 7])
def test_a_person_without_a_group_and_without_a_party_is_not_let_in(
    home: Org, strict: Issuer, bound: SignInIssuer, groups: Any
) -> None:
    strict.claims["groups"] = groups
    assert is_refused(sign_in(browser_of(home), home, bound, strict), "no group")
    assert rows(home) == []


def test_a_person_has_the_permissions_of_all_its_groups(home: Org, strict: Issuer, bound: SignInIssuer) -> None:
    remap(
        home, bound, {"crew": ["training.view"], "leads": ["training.assign", "training.view"], "hse": ["events.read"]}
    )
    told = seen(home, strict, bound, groups=["leads", "crew", "others"])
    assert told["permissions"] == ["training.assign", "training.view"]
    assert seen(home, strict, bound, groups="hse")["permissions"] == ["events.read"]


def test_a_group_that_names_folders_limits_the_person_to_the_folders_of_its_groups(
    home: Org, strict: Issuer, bound: SignInIssuer
) -> None:
    folders = {"deck": ["deck"], "galley": ["galley", "stores"], "nowhere": []}
    remap(home, bound, {name: ["training.view"] for name in [*folders, "all"]}, folders)
    assert seen(home, strict, bound, groups=["all"])["folders"] is None
    assert seen(home, strict, bound, groups=["all", "deck"])["folders"] == ["deck"]
    assert seen(home, strict, bound, groups=["deck", "galley"])["folders"] == ["deck", "galley", "stores"]
    assert seen(home, strict, bound, groups=["nowhere", "all"])["folders"] == []


def test_groups_may_stand_inside_of_a_claim(home: Org, strict: Issuer, bound: SignInIssuer) -> None:
    remap(home, bound, {"crew": ["training.view"]}, groupsClaim="realm_access.roles")
    assert seen(home, strict, bound, groups=[], realm_access={"roles": ["crew"]})["permissions"] == ["training.view"]
    strict.claims["realm_access"] = ["crew"]
    assert is_refused(sign_in(browser_of(home), home, bound, strict), "no group")


# --- the party


@pytest.mark.parametrize(("field", "party"), [("entityId", "crew-1"), ("memberId", "crew-2")])
def test_the_party_is_the_one_whose_id_the_named_claim_equals(
    home: Org, strict: Issuer, bound: SignInIssuer, field: str, party: str
) -> None:
    parties = [
        {"entityId": "crew-1", "displayName": "A", "email": "ada@example.com"},
        {"entityId": "crew-2", "displayName": "crew-1", "memberId": "crew-1", "email": "crew-1@example.com"},
    ]
    home.client().put("/v1/parties", json={"parties": parties})
    remap(home, bound, {}, partyClaim="employee", partyField=field)
    told = seen(home, strict, bound, groups=[], employee="crew-1", email="ada@example.com")
    assert (told["party"], told["permissions"]) == (party, [])


@pytest.mark.parametrize("value", ["CREW-1", "Party crew-1", "crew-1 ", "", None, ["crew-1"], 1, "crew-9"])
def test_no_other_value_of_the_claim_names_a_party(home: Org, strict: Issuer, bound: SignInIssuer, value: Any) -> None:
    home.with_parties("crew-1")
    remap(home, bound, {}, partyClaim="employee")
    strict.claims |= {"groups": [], "employee": value}
    assert is_refused(sign_in(browser_of(home), home, bound, strict), "no group")


def test_a_member_id_that_two_parties_have_names_none(home: Org, strict: Issuer, bound: SignInIssuer) -> None:
    twice = [{"entityId": one, "displayName": one, "memberId": "ada"} for one in ("crew-1", "crew-2")]
    home.client().put("/v1/parties", json={"parties": twice})
    remap(home, bound, {"crew": ["training.view"]}, partyClaim="sub", partyField="memberId")
    assert seen(home, strict, bound)["party"] is None


def test_an_inactive_party_is_not_let_in_and_its_sign_in_ends_at_once(
    home: Org, strict: Issuer, bound: SignInIssuer
) -> None:
    home.with_parties("crew-1")
    remap(home, bound, {"crew": ["training.view"]}, partyClaim="employee")
    strict.claims["employee"] = "crew-1"
    browser = browser_of(home)
    sign_in(browser, home, bound, strict)
    assert status(browser) == 200
    off = {"entityId": "crew-1", "displayName": "A", "active": False}
    home.client().put("/v1/parties", json={"parties": [off]})
    assert status(browser) == 401
    assert is_refused(sign_in(browser_of(home), home, bound, strict), "inactive")


@pytest.mark.parametrize("claim", ["email", "name", "given_name", "family_name", "nickname"])
def test_a_mapping_never_finds_the_party_by_name_or_address(home: Org, bound: SignInIssuer, claim: str) -> None:
    with pytest.raises(InvalidInput, match="change hands"):
        remap(home, bound, {}, partyClaim=claim)


# --- the member


def test_issuer_and_subject_together_are_the_member(bound: SignInIssuer) -> None:
    other = SignInIssuer(issuer="https://other.example", name="other")
    odd = ["auth0|5f7", "å", "x" * 100, "a b", ""]
    ids = [member_of(one, subject, None) for one in (bound, other) for subject in ["ada", *odd]]
    assert ids[0] == "id:ada"
    assert len(set(ids)) == len(ids)
    assert all(len(one) <= 64 and one.startswith(("id:", "other:")) for one in ids)
    assert member_of(bound, "ada", bound.issuer) == "ada"  # the same person as with a bearer token


# --- who may change it


def change(home: Org, bound: SignInIssuer, editor: Caller, *groups: tuple[str, list[Permission]], **said: Any) -> None:
    """Replace the mapping as somebody."""
    with home.transaction() as db:
        version = sign_in_mapping.get_mapping(db, Caller(home.id, "x", frozenset([ADMIN])), bound.id).issuer.version
        given = [{"group": name, "permissions": list(permissions)} for name, permissions in groups]
        body = {"version": version, "groupsClaim": "groups", "groups": given} | said
        sent = MappingChange.model_validate_json(json.dumps(body))
        sign_in_mapping.change_mapping(db, editor, bound.id, sent, clock.now())


def test_a_mapping_can_give_no_permission_that_its_editor_lacks(home: Org, bound: SignInIssuer) -> None:
    editor = Caller(home.id, "ada", frozenset({ADMIN, VIEW}))
    change(home, bound, editor, ("crew", [VIEW]), ("admins", [ADMIN]), ("new", [ADMIN, VIEW]))
    for groups in ([("crew", [VIEW, ASSIGN])], [("crew", [VIEW]), ("mine", [ASSIGN])]):
        with pytest.raises(CannotGive, match=r"training\.assign"):
            change(home, bound, editor, *groups)
    change(home, bound, Caller(home.id, "b", frozenset({ADMIN, VIEW, ASSIGN})), ("crew", [VIEW, ASSIGN]))
    change(home, bound, editor, ("crew", [VIEW, ASSIGN]), ("other", [VIEW]))  # a group may keep its permissions
    for moved in ({"groupsClaim": "roles"}, {"partyClaim": "employee"}, {"partyField": "memberId"}):
        with pytest.raises(CannotGive, match=r"training\.assign"):  # that would give it to others
            change(home, bound, editor, ("crew", [VIEW, ASSIGN]), **moved)
    change(home, bound, editor, ("crew", [VIEW]), groupsClaim="roles")


def test_only_an_administrator_of_all_folders_changes_a_mapping(home: Org, bound: SignInIssuer) -> None:
    everything = frozenset(Permission)
    for editor in (
        Caller(home.id, "a", everything - {ADMIN}),
        Caller(home.id, "a", everything, folders=frozenset({"x"})),
    ):
        with pytest.raises(PermissionDenied):
            change(home, bound, editor, ("crew", [VIEW]))


def test_no_group_may_write_the_directory(home: Org, bound: SignInIssuer) -> None:
    with pytest.raises(InvalidInput, match="write the directory"):
        change(home, bound, Caller(home.id, "a", frozenset(Permission)), ("crew", [Permission.SYNC_DIRECTORY]))


def test_the_administrators_of_a_binding_may_do_everything_but_write_the_directory(home: Org, strict: Issuer) -> None:
    binding = Binding(strict.address, "rollcall", name="id", administrators="bosses")
    with home.transaction() as db:
        bound = sign_in_mapping.bind_issuer(db, home.parts.settings, binding, strict.secret)
    told = seen(home, strict, bound, groups=["bosses"])
    assert set(told["permissions"]) == {*Permission} - {"directory.sync"}


def test_a_group_that_is_there_twice_and_a_stale_mapping_are_refused(home: Org, bound: SignInIssuer) -> None:
    editor = Caller(home.id, "a", frozenset(Permission))
    with pytest.raises(InvalidInput, match="twice"):
        change(home, bound, editor, ("crew", [VIEW]), ("crew", [ASSIGN]))
    with pytest.raises(Stale):
        change(home, bound, editor, ("crew", [VIEW]), version=1)


def test_a_mapping_of_another_organization_does_not_exist(home: Org, bound: SignInIssuer) -> None:
    other = add_org(home.app, home.parts)
    editor = Caller(other.id, "a", frozenset(Permission))
    with pytest.raises(NotFound), other.transaction() as db:
        sign_in_mapping.get_mapping(db, editor, bound.id)
    with pytest.raises(NotFound), other.transaction() as db:
        sign_in_mapping.try_claims(db, editor, bound.id, {}, None)
    body = MappingChange(version=1, groups_claim="groups", groups=[])
    with pytest.raises(NotFound), other.transaction() as db:
        sign_in_mapping.change_mapping(db, editor, bound.id, body, clock.now())


# --- what a change ends


def test_a_changed_mapping_ends_the_sign_ins_of_its_issuer_at_once(
    home: Org, strict: Issuer, bound: SignInIssuer
) -> None:
    browser, other = browser_of(home), home.visitor(VIEW)
    sign_in(browser, home, bound, strict)
    remap(home, bound, {"crew": ["training.view"], "admins": ["training.admin", "training.view"]})
    assert status(browser) == 200  # nothing was changed
    remap(home, bound, {"crew": ["licences.check"]})
    assert (status(browser), status(other)) == (401, 200)
    assert rows(home)[0].end_reason in (None, "mapping-changed")
    sign_in(browser, home, bound, strict)
    assert browser.get("/probe").json()["permissions"] == ["licences.check"]


def test_an_attempt_that_was_begun_before_a_change_gets_the_new_mapping(
    home: Org, strict: Issuer, bound: SignInIssuer
) -> None:
    browser = browser_of(home)
    answer = strict.log_in(begin(browser, home, bound))
    remap(home, bound, {"crew": ["licences.check"]})
    browser.get("/sign-in/callback", params=answer)
    assert browser.get("/probe").json()["permissions"] == ["licences.check"]


def test_a_binding_that_is_changed_or_taken_away_ends_its_sign_ins(
    home: Org, strict: Issuer, bound: SignInIssuer
) -> None:
    browser = browser_of(home)
    sign_in(browser, home, bound, strict)
    assert bind(home, strict).id == bound.id
    assert status(browser) == 401
    sign_in(browser, home, bound, strict)
    assert status(browser) == 200
    with home.transaction() as db:
        sign_in_mapping.unbind_issuer(db, "id")
    assert status(browser) == 401
    query = {"organization": home.id, "issuer": str(bound.id)}
    assert browser_of(home).get("/sign-in/start", params=query).status_code == 404


# --- trying claims


def test_trying_claims_says_what_signing_in_with_them_would_give(home: Org, bound: SignInIssuer) -> None:
    home.with_parties("crew-1")
    remap(home, bound, {"crew": ["training.view"]}, partyClaim="employee")
    claims = {"sub": "ada", "groups": ["crew", "x"], "employee": "crew-1"}
    with home.transaction() as db:
        tried = sign_in_mapping.try_claims(db, Caller(home.id, "a", frozenset([ADMIN])), bound.id, claims, None)
    assert (tried.member_id, [*tried.granted.permissions], tried.granted.groups) == ("id:ada", [VIEW], ["crew"])
    assert tried.party is not None
    assert tried.party.id == "crew-1"
    assert rows(home) == []
