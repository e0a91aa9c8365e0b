"""After signing in, a person is back at the page that was asked for, and never at an address of somebody else."""

from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.console import visits
from api.console.visits import HOME, read_next
from tests.factories import Org


@pytest.mark.parametrize(
    "value", ["/jobs", "/jobs/1?outcome=failed&a=b", "/", "/a//b", "/jobs?next=https://x.example/"]
)
def test_a_sign_in_leads_back_to_a_path_of_the_service(value: str) -> None:
    assert read_next(value) == value


ELSEWHERE = [
    None,
    "",
    "jobs",
    "//evil.example",
    "///evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "https://evil.example",
    "https:/evil.example",
    "javascript:alert(1)",
    "/\t/evil.example",
    "/\n",
    "/jobs\r\nSet-Cookie: a=b",
    "/é",
    "/" * 2001,
]


@pytest.mark.parametrize("value", ELSEWHERE)
def test_a_sign_in_leads_to_no_other_address(value: str | None) -> None:
    assert read_next(value) == HOME


def test_the_address_to_sign_in_names_the_page_that_was_asked_for(home: Org) -> None:
    seen = []

    class Noted(visits.SignInNeeded):
        def __init__(self, request: Any) -> None:
            super().__init__(request)
            seen.append(self.address)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(visits, "SignInNeeded", Noted)
        nobody = TestClient(home.app)
        nobody.get("/probe?outcome=failed&q=a%20b%2F&x=https://a.example")
        nobody.post("/probe?a=b", headers={"Sec-Fetch-Site": "same-origin"})
    assert seen == [
        "/sign-in?next=%2Fprobe%3Foutcome%3Dfailed%26q%3Da%2520b%252F%26x%3Dhttps%3A%2F%2Fa.example",
        "/sign-in?next=%2Fsign-in%2Fdone",
    ]
