"""Writing the directory: a right that no group gives, and that the operator gives to single members."""

from typing import Any

import pytest

from cli.failures import FAILURE, USAGE
from cli.main import run_command
from shared.access import SignInIssuer, member_of
from tests.console.issuing import Issuer, bind, browser_of, remap, rows, sign_in
from tests.factories import Org, add_org
from tests.feed import recorded

WRITING = "directory.sync"


def let(home: Org, *arguments: str) -> int:
    """Return the exit code of the operator's command."""
    return run_command(["org", "directory-writer", home.id, *arguments])


def permissions(home: Org, strict: Issuer, bound: SignInIssuer, **claims: Any) -> list[str]:
    """Sign in with these claims. Return what the person may do."""
    strict.claims |= claims
    browser = browser_of(home)
    answer = sign_in(browser, home, bound, strict)
    assert answer.status_code == 303, answer.text
    found: list[str] = browser.get("/probe").json()["permissions"]
    return found


def test_the_operator_lets_one_member_write_the_directory_and_takes_it_back(
    home: Org, strict: Issuer, bound: SignInIssuer, capsys: pytest.CaptureFixture[str]
) -> None:
    assert WRITING not in permissions(home, strict, bound, sub="ada", groups=["admins"])
    assert let(home, "id:ada") == 0
    assert let(home, "id:ada") == 0
    assert let(home) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"id:ada may now write the directory of {home.id}.",
        f"id:ada could already write the directory of {home.id}.",
        "id:ada",
    ]
    assert {one.end_reason for one in rows(home)} == {"mapping-changed"}
    assert WRITING in permissions(home, strict, bound, sub="ada", groups=["admins"])
    assert WRITING not in permissions(home, strict, bound, sub="eve", groups=["admins"])
    assert let(home, "--end", "id:ada") == 0
    assert all(one.ended_at for one in rows(home)), "taking it back ends the sign-in at once"
    assert WRITING not in permissions(home, strict, bound, sub="ada", groups=["admins"])
    changes = [one for one in recorded(home) if one.type.startswith("sign_in_issuer.writer")]
    assert [(one.type, one.data["memberId"], one.actor_type) for one in changes] == [
        ("sign_in_issuer.writer_named", "id:ada", "system"),
        ("sign_in_issuer.writer_removed", "id:ada", "system"),
    ]


def test_a_member_that_sees_only_some_folders_cannot_write_the_directory(
    home: Org, strict: Issuer, bound: SignInIssuer
) -> None:
    remap(home, bound, {"crew": ["training.view"]}, folders={"crew": ["rig-1"]})
    assert let(home, "id:ada") == 0
    assert permissions(home, strict, bound, sub="ada", groups=["crew"]) == ["training.view"]


def test_a_named_member_without_any_group_is_not_let_in(home: Org, strict: Issuer, bound: SignInIssuer) -> None:
    assert let(home, "id:ada") == 0
    strict.claims |= {"sub": "ada", "groups": ["others"]}
    assert sign_in(browser_of(home), home, bound, strict).status_code == 403


def test_a_changed_mapping_and_a_new_binding_keep_the_named_members(
    home: Org, strict: Issuer, bound: SignInIssuer
) -> None:
    assert let(home, "id:ada") == 0
    remap(home, bound, {"admins": ["training.admin", "training.view"]})
    assert WRITING in permissions(home, strict, bound, sub="ada", groups=["admins"])
    assert WRITING in permissions(home, strict, bind(home, strict), sub="ada", groups=["admins"])


def test_people_are_imported_on_the_page_by_the_named_member_only(
    home: Org, strict: Issuer, bound: SignInIssuer
) -> None:
    remap(home, bound, {"admins": ["training.admin", "training.view"]})
    assert let(home, "id:ada") == 0
    found = {}
    for subject in ("ada", "eve"):
        strict.claims |= {"sub": subject, "groups": ["admins"]}
        browser = browser_of(home)
        assert sign_in(browser, home, bound, strict).status_code == 303
        found[subject] = (browser.get("/import/people").status_code, "/import/people" in browser.get("/parties").text)
    assert found == {"ada": (200, True), "eve": (403, False)}


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["ada"], USAGE),
        (["other:ada"], USAGE),
        (["--end", "id:ada"], FAILURE),
        (["--issuer", "elsewhere", "id:ada"], FAILURE),
    ],
)
def test_a_member_that_cannot_be_is_refused(home: Org, bound: SignInIssuer, arguments: list[str], code: int) -> None:
    assert let(home, *arguments) == code
    assert [one for one in recorded(home) if one.type.startswith("sign_in_issuer.writer")] == []


def test_an_organization_without_an_issuer_has_nobody_to_name(org: Org) -> None:
    assert let(org, "id:ada") == FAILURE
    assert let(add_org(org.app, org.parts)) == 0


def test_with_two_issuers_the_operator_says_at_which(home: Org, strict: Issuer, bound: SignInIssuer) -> None:
    command = ["org", "sign-in", home.id, "--issuer", "https://id.example.com", "--client-id", "x", "--name", "second"]
    assert run_command(command) == 0
    assert let(home, "id:ada") == USAGE
    assert let(home, "id:ada", "--issuer", "id") == 0


def test_without_an_issuer_the_command_says_that_none_is_bound_and_how_to_bind_one(
    org: Org, capsys: pytest.CaptureFixture[str]
) -> None:
    assert let(org, "ada") == FAILURE
    said = " ".join(capsys.readouterr().err.split())
    assert "No issuer is bound to this organization" in said
    assert "rollcall org sign-in" in said
    assert "outside your scope" not in said


def test_a_member_whose_subject_is_too_long_for_an_id_is_named_by_its_shortened_id(home: Org, strict: Issuer) -> None:
    bound = bind(home, strict, name="login.microsoftonline.example")
    subject = "s" * 60
    member = member_of(bound, subject, None)
    assert let(home, member) == 0
    assert WRITING in permissions(home, strict, bound, sub=subject, groups=["admins"])
