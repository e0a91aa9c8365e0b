"""The pages about signing in: one's own sign-ins, and the mapping of an issuer with its try."""

import re
from typing import Any

import pytest
from fastapi.testclient import TestClient

from shared.access import Caller, Permission, SignInIssuer
from shared.services import sign_in_mapping
from tests.console.issuing import Issuer, remap, rows
from tests.console.probing import status
from tests.factories import Org, add_org

ADMIN, VIEW = Permission.ADMIN, Permission.VIEW


def form_of(page: Any) -> dict[str, Any]:
    """Return the fields of the first form of a page, as a browser would send them."""
    form = page.text.partition('<form method="post" action="/settings')[2].partition("</form>")[0]
    found: dict[str, Any] = {}
    for field in re.findall(r"<input [^>]+>", form):
        name, value = (re.search(rf'{one}="([^"]*)"', field) for one in ("name", "value"))
        if name and value and ("checkbox" not in field or " checked" in field):
            found.setdefault(name[1], []).append(value[1])
    chosen = re.search(r'<option value="(\w+)" selected>', form)
    return found | {"partyField": chosen[1] if chosen else ""}


def mapped(org: Org, bound: SignInIssuer) -> dict[str, tuple[list[str], list[str] | None]]:
    """Return what each group of the mapping gives."""
    with org.transaction() as db:
        shown = sign_in_mapping.get_mapping(db, Caller(org.id, "x", frozenset({ADMIN})), bound.id)
        return {one.group_name: (list(one.permissions), one.folders) for one in shown.groups}


@pytest.fixture
def admin(home: Org) -> TestClient:
    """An administrator who may see, and no more."""
    return home.visitor(ADMIN, VIEW, member="ada")


# --- one's own sign-ins


def test_a_person_sees_its_own_sign_ins_and_ends_one_that_is_far_away(home: Org) -> None:
    here, far, other = home.visitor(member="ada"), home.visitor(member="ada"), home.visitor(member="ben")
    page = here.get("/me/sign-ins")
    assert page.text.count("Firefox on Linux") == 2
    assert page.text.count("this one") == 1
    ids = [str(one.id) for one in rows(home)]
    assert all((one in page.text) == (n < 2) for n, one in enumerate(ids))
    answer = here.post(f"/me/sign-ins/{ids[1]}/end")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/me/sign-ins")
    assert [status(one) for one in (here, far, other)] == [200, 401, 200]
    assert "ended by you" in here.get("/me/sign-ins").text
    assert here.post(f"/me/sign-ins/{ids[2]}/end").status_code == 404
    assert status(other) == 200


def test_ending_the_own_sign_in_leads_to_signing_in_again(home: Org) -> None:
    browser = home.visitor()
    browser.post(f"/me/sign-ins/{rows(home)[0].id}/end")
    assert browser.get("/me/sign-ins").headers["Location"] == "/sign-in?next=%2Fme%2Fsign-ins"


def test_a_sign_in_of_another_organization_does_not_exist(home: Org) -> None:
    other = add_org(home.app, home.parts)
    there = other.visitor()
    assert home.visitor().post(f"/me/sign-ins/{rows(other)[0].id}/end").status_code == 404
    assert status(there) == 200


# --- the mapping


def test_the_form_of_a_mapping_sent_as_it_is_changes_nothing(home: Org, bound: SignInIssuer, admin: TestClient) -> None:
    remap(home, bound, {"crew": ["training.view"], "all": ["training.admin"]}, {"crew": ["deck", "galley"], "all": []})
    before = mapped(home, bound)
    page = admin.get(f"/settings/sign-in/{bound.id}")
    assert admin.post(f"/settings/sign-in/{bound.id}", data=form_of(page)).status_code == 303
    assert mapped(home, bound) == before
    assert f"/settings/sign-in/{bound.id}" in admin.get("/settings/sign-in").text


def test_an_administrator_adds_changes_and_removes_groups(home: Org, bound: SignInIssuer, admin: TestClient) -> None:
    form = form_of(admin.get(f"/settings/sign-in/{bound.id}"))
    names = {values[0]: name for name, values in form.items() if name.startswith("group.")}
    n = names["crew"][6:]
    form |= {names["admins"]: [""], f"permissions.{n}": ["training.view", "training.admin"]}
    form |= {f"folders.{n}": ["deck, galley"]}
    form |= {"group.7": ["new"], "permissions.7": ["training.view"], "partyClaim": ["employee"]}
    assert admin.post(f"/settings/sign-in/{bound.id}", data=form).status_code == 303
    assert mapped(home, bound) == {
        "crew": (["training.admin", "training.view"], ["deck", "galley"]),
        "new": (["training.view"], None),
    }


def test_a_refused_mapping_keeps_what_was_typed_and_says_why(home: Org, bound: SignInIssuer, admin: TestClient) -> None:
    before = mapped(home, bound)
    form = form_of(admin.get(f"/settings/sign-in/{bound.id}"))
    for wrong, code, text in (
        ({"group.9": ["typed"], "permissions.9": ["training.assign"]}, 403, "You cannot give training.assign"),
        ({"group.9": ["typed"], "permissions.9": ["directory.sync"]}, 422, "write the directory"),
        ({"group.9": ["typed"], "partyClaim": ["email"]}, 422, "change hands"),
        ({"group.9": ["typed"], "version": ["1"]}, 412, "changed"),
        ({"group.9": ["typed"], "folders.9": ["a b$"]}, 422, "folder&#39;s id"),
    ):
        page = admin.post(f"/settings/sign-in/{bound.id}", data=form | wrong)
        assert (page.status_code, text in page.text) == (code, True), (wrong, page.text)
        assert 'value="typed"' in page.text
    assert mapped(home, bound) == before


def test_a_person_without_the_permission_sees_no_mapping(home: Org, bound: SignInIssuer) -> None:
    for browser in (home.visitor(VIEW), home.visitor(ADMIN, folders=["deck"])):
        for path in ("/settings/sign-in", f"/settings/sign-in/{bound.id}"):
            assert browser.get(path).status_code == 403
        assert browser.post(f"/settings/sign-in/{bound.id}", data={"version": "1"}).status_code == 403


def test_claims_are_tried_on_the_page_and_sign_nobody_in(
    home: Org, strict: Issuer, bound: SignInIssuer, admin: TestClient
) -> None:
    home.with_parties("crew-1")
    remap(home, bound, {"crew": ["training.view"]}, {"crew": ["deck"]}, partyClaim="employee")
    count = len(rows(home))
    claims = '{"sub": "ada", "groups": ["crew", "x"], "employee": "crew-1"}'
    page = admin.post(f"/settings/sign-in/{bound.id}/try", data={"claims": claims})
    assert page.status_code == 200
    for text in ("id:ada", "training.view", "deck", "Party crew-1", "&#34;employee&#34;: &#34;crew-1&#34;"):
        assert text in page.text, text
    nobody = admin.post(f"/settings/sign-in/{bound.id}/try", data={"claims": '{"groups": []}'})
    assert "Such a person is not let in." in nobody.text
    wrong = admin.post(f"/settings/sign-in/{bound.id}/try", data={"claims": "[1]"})
    assert (wrong.status_code, "Write claims as JSON" in wrong.text, "[1]" in wrong.text) == (422, True, True)
    assert len(rows(home)) == count
