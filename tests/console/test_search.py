"""Where a reader is led: by the search of every page, and from the overview if nothing of it is theirs to see."""

import pytest

from shared.access import Permission
from tests.console.world import World, build
from tests.drain import InProcessWorker
from tests.factories import Org

OWN = Permission.COMPLETE_SESSION_TASKS
"""Opens no page that needs a certain permission."""


@pytest.fixture
def world(org: Org, worker: InProcessWorker) -> World:
    """An organization with people, a course with the code H2S, and a job."""
    return build(org, worker)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("h2s", "/courses/{course_id}"),
        (" H2S ", "/courses/{course_id}"),
        ("H2", "/courses?q=H2"),
        ("crew", "/parties?q=crew"),
        ("nothing & nobody", "/parties?q=nothing+%26+nobody"),
        ("{job_id}", "/jobs/{job_id}"),
    ],
)
def test_a_search_leads_to_the_job_the_course_or_the_list_that_it_finds(world: World, text: str, address: str) -> None:
    answer = world.org.visitor().get("/search", params={"q": world.address(text)})
    assert (answer.status_code, answer.headers["Location"]) == (303, world.address(address))


def test_a_search_that_finds_people_and_courses_leads_to_the_people(world: World) -> None:
    world.org.with_course(title="Crew resources", code="CRM")
    browser = world.org.visitor()
    assert browser.get("/search?q=crew").headers["Location"] == "/parties?q=crew"
    assert browser.get("/search?q=resources").headers["Location"] == "/courses?q=resources"


def test_the_search_is_shown_to_readers_who_may_open_what_it_finds(world: World) -> None:
    assert 'action="/search"' in world.org.visitor(Permission.VIEW).get("/overview").text
    own = world.org.visitor(OWN, party="crew-1").get("/me").text
    assert "<h1>" in own
    assert 'action="/search"' not in own


def test_the_overview_leads_a_person_who_may_see_no_assignments_to_their_own(world: World) -> None:
    person = world.org.visitor(OWN, party="crew-1")
    assert person.get("/", headers={"Accept": "text/html"}).headers["Location"] == "training"
    answer = person.get("/overview")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/me")
    assert world.org.visitor(Permission.VIEW, party="crew-1").get("/overview").status_code == 200
    assert world.org.visitor(OWN).get("/overview").status_code == 200
