"""Names on pages: who did something, and what an event is about, by name where the reader may know it."""

import pytest

from shared.access import Permission
from tests.assignments.asking import body, submit
from tests.console.world import World, build
from tests.drain import InProcessWorker
from tests.factories import Org


@pytest.fixture
def world(org: Org, worker: InProcessWorker) -> World:
    """An organization whose member-1 is known by name, because she has signed in."""
    built = build(org, worker)
    org.visitor(name="Nadia Berg")
    return built


def test_jobs_history_and_the_audit_log_call_a_member_by_the_name_of_its_last_sign_in(world: World) -> None:
    reader, ids = world.org.visitor(member="auditor"), world.ids
    for path in (
        "/packs",
        "/packs/{pack_id}",
        "/jobs",
        "/jobs/{job_id}",
        "/parties/{party_id}",
        "/sessions/{session_id}",
        "/audit",
    ):
        assert "Nadia Berg" in reader.get(world.address(path)).text, path
    assert "Assigned by Nadia Berg" in reader.get(f"/parties/{ids['party_id']}").text
    world.org.visitor(name="Nadia Berg-Lund")
    assert "Assigned by Nadia Berg-Lund" in reader.get(f"/parties/{ids['party_id']}").text


def test_a_member_who_has_never_signed_in_is_called_as_its_party_only_for_those_who_see_that_party(
    org: Org, worker: InProcessWorker
) -> None:
    course_id = org.with_course()
    org.with_parties("crew-1", folder="deck")
    org.client().put(
        "/v1/parties", json={"parties": [{"entityId": "boss", "displayName": "Eva Holm", "memberId": "m7"}]}
    )
    submit(org.client(member="m7"), body(course_id, "crew-1"))
    worker.drain(org.id)
    assert "Assigned by Eva Holm" in org.visitor(Permission.VIEW).get("/parties/crew-1").text
    outside = org.visitor(Permission.VIEW, folders=["deck"]).get("/parties/crew-1").text
    assert "Assigned by m7" in outside
    assert "Eva Holm" not in outside


def test_a_party_outside_the_folders_is_not_named_by_its_own_sign_in(org: Org, worker: InProcessWorker) -> None:
    course_id = org.with_course()
    org.with_parties("crew-1", folder="deck")
    org.with_parties("crew-9")
    submit(org.client(member="m9"), body(course_id, "crew-1"))
    worker.drain(org.id)
    org.visitor(member="m9", party="crew-9", name="Secret Name")
    assert "Secret Name" in org.visitor(Permission.VIEW).get("/parties/crew-1").text
    assert "Secret Name" not in org.visitor(Permission.VIEW, folders=["deck"]).get("/parties/crew-1").text


def test_the_list_of_jobs_says_of_which_course_and_why(world: World) -> None:
    shown = world.org.visitor().get("/jobs?kind=assignments.create").text
    title = world.org.client().get(f"/v1/courses/{world.ids['course_id']}").json()["title"]
    assert f"Assign: {title}" in shown
    assert world.org.client().get(f"/v1/jobs/{world.ids['job_id']}").json()["request"]["reason"] in shown


def test_the_audit_log_leads_to_what_an_event_is_about_by_its_name(world: World) -> None:
    shown = world.org.visitor().get("/audit?types=licence.granted").text
    assert f'<a href="/licences/{world.ids["licence_id"]}">' in shown
    assert ">licence/" not in shown
    assert '<a href="/parties/crew-3">Party crew-3</a>' in shown


def test_who_may_see_training_reads_the_history_of_a_thing_but_not_of_the_directory_or_the_log(world: World) -> None:
    coordinator = world.org.visitor(Permission.VIEW)
    shown = coordinator.get("/parties/crew-1").text
    assert "Assigned by" in shown
    assert "Added to the directory" not in shown
    assert "Scheduled by" in coordinator.get(f"/sessions/{world.ids['session_id']}").text
    assert coordinator.get("/audit").status_code == 403
    assert (
        "Added to the directory"
        in world.org.visitor(Permission.VIEW, Permission.READ_EVENTS).get("/parties/crew-1").text
    )
