"""The navigation: the pages that a reader may do something on, and where its entries lead."""

import re

from shared.access import Permission
from tests.factories import Org


def entries(page: str) -> list[str]:
    """The addresses of the navigation."""
    found = re.search(r'<nav class="aside".*?</nav>', page, re.DOTALL)
    return re.findall(r'href="([^"]+)"', found.group()) if found else []


def test_a_person_with_nothing_but_its_own_training_has_only_that_in_the_navigation(org: Org) -> None:
    org.with_parties("crew-1")
    person = org.visitor(Permission.COMPLETE_SESSION_TASKS, member="crew", party="crew-1")
    shown = person.get("/me").text
    assert entries(shown) == ["/me"]
    assert '<a class="home" href="/training">' in shown
    assert "/overview" in entries(org.visitor(Permission.VIEW, member="crew", party="crew-1").get("/me").text)


def test_the_sessions_open_with_those_to_come_or_to_complete_and_the_filter_can_be_taken_away(org: Org) -> None:
    browser = org.visitor()
    address = next(one for one in entries(browser.get("/overview").text) if one.startswith("/sessions"))
    assert address == "/sessions?state=scheduled"
    shown = browser.get(address).text
    assert '<ul class="chips"' in shown
    assert '<li><a href="/sessions">' in shown
    assert 'aria-current="page"' in shown
