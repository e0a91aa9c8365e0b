"""Deliveries, webhooks, the audit log, settings and my training as pages: what each act does and who may do it."""

import re

import pytest
from fastapi.testclient import TestClient

from shared import clock
from shared.access import Permission
from shared.deliveries import Delivery
from shared.deployment import Presence
from tests.console.world import World, build
from tests.drain import InProcessWorker
from tests.factories import Org

ADDRESS = "https://93.184.216.34/"


@pytest.fixture
def world(org: Org, worker: InProcessWorker) -> World:
    """An organization with something on every page."""
    return build(org, worker)


def fault_beside(page: str, name: str) -> str:
    """The fault that a page shows beside a field."""
    found = re.search(rf'id="{name}-fault">([^<]+)<', page)
    assert found, page
    return found.group(1)


# --- deliveries


def test_what_was_given_up_is_sent_again_from_the_list_that_shows_it(world: World, worker: InProcessWorker) -> None:
    org = world.org
    org.with_parties("crew-4")
    worker.deliver("deliveries.plan")
    worker.messages.clear()
    with org.transaction() as db:
        db.query(Delivery).filter_by(org_id=org.id).update({"state": "dead", "code": "given-up"})
    browser = org.visitor()
    shown = browser.get("/deliveries?state=dead").text
    assert "Send all of these again" in shown
    answer = browser.post("/deliveries/resend", data={"state": "dead", "formKey": "once"})
    assert answer.headers["Location"] == "/deliveries?state=queued"
    again = browser.post("/deliveries/resend", data={"state": "dead", "formKey": "once"})
    assert (again.status_code, "State: Queued" in again.text) == (200, True)
    assert org.client().get("/v1/deliveries/summary").json()["dead"] == 0
    assert "Send all of these again" not in browser.get("/deliveries?state=queued").text
    assert "Send all of these again" not in org.visitor(Permission.VIEW).get("/deliveries?state=dead").text


# --- webhooks


def test_a_webhook_is_added_and_its_secret_is_shown_once(world: World) -> None:
    browser = world.org.visitor()
    sent = {"url": ADDRESS, "types": ["licence.granted"], "description": "HR", "formKey": "once"}
    first = browser.post("/webhooks/new", data=sent)
    assert re.search(r'<code class="secret">whsec_[^<]+</code>', first.text)
    again = browser.post("/webhooks/new", data=sent)
    assert "whsec_" not in again.text
    assert again.status_code == 200
    found = world.org.client().get("/v1/webhooks").json()["items"]
    assert [one["description"] for one in found].count("HR") == 1
    page = browser.get(f"/webhooks/{found[0]['id']}").text
    assert "licence.granted" in page
    assert "whsec_" not in page


def test_an_address_that_is_refused_is_shown_beside_its_field_with_what_was_typed(world: World) -> None:
    answer = world.org.visitor().post("/webhooks/new", data={"url": "https://10.0.0.1/", "description": "HR"})
    assert answer.status_code == 422
    assert fault_beside(answer.text, "url")
    assert 'value="HR"' in answer.text


def test_a_webhook_that_somebody_else_has_changed_since_is_not_changed(world: World) -> None:
    address, browser = f"/webhooks/{world.ids['webhook_id']}", world.org.visitor()
    revision = re.search(r'name="revision" value="(\d+)"', browser.get(address).text)
    assert revision
    sent = {"url": ADDRESS, "description": "first", "enabled": "true", "revision": revision.group(1)}
    assert browser.post(f"{address}/change", data=sent).status_code == 303
    late = browser.post(f"{address}/change", data=sent | {"description": "second"})
    assert late.status_code == 412
    assert "second" in late.text
    assert world.org.client().get(f"/v1{address}").json()["description"] == "first"


def test_a_webhook_is_switched_off_given_a_new_secret_and_removed(world: World) -> None:
    address, browser = f"/webhooks/{world.ids['webhook_id']}", world.org.visitor()
    revision = re.search(r'name="revision" value="(\d+)"', browser.get(address).text)
    assert revision
    browser.post(f"{address}/change", data={"url": ADDRESS, "revision": revision.group(1)})
    assert not world.org.client().get(f"/v1{address}").json()["enabled"]
    assert "whsec_" in browser.post(f"{address}/rotate", data={"formKey": "once"}).text
    assert browser.post(f"{address}/replay", data={"fromSequence": "none"}).status_code == 422
    assert browser.post(f"{address}/remove").headers["Location"] == "/webhooks"
    assert browser.get(address).status_code == 404


def test_webhooks_are_offered_to_nobody_who_may_not_see_them(world: World) -> None:
    assert "/webhooks" not in world.org.visitor(Permission.VIEW).get("/deliveries").text
    assert world.org.visitor(Permission.VIEW).get("/webhooks").status_code == 403


# --- audit log


def test_the_audit_log_tells_events_in_sentences_and_how_far_it_is_sealed(world: World) -> None:
    shown = world.org.visitor().get("/audit?partyId=crew-1").text
    assert "Assigned by" in shown
    assert "crew-2" not in shown
    assert f"rollcall audit verify --org {world.org.id}" in world.org.visitor().get("/audit/proof").text
    assert "Take one of them away" in world.org.visitor().get("/audit?partyId=nobody").text


def test_the_audit_log_of_a_caller_with_folders_has_their_people_only(world: World) -> None:
    world.org.with_parties("b-4711", folder="bridge")
    shown = world.org.visitor(folders=["deck"]).get("/audit?limit=500").text
    assert "crew-1" in shown
    assert "b-4711" not in shown


# --- settings


def test_settings_are_changed_and_what_is_wrong_stands_beside_its_field(world: World) -> None:
    browser = world.org.visitor()
    wrong = browser.post("/settings", data={"changeLimit": "many", "language": "nb"})
    assert wrong.status_code == 422
    assert fault_beside(wrong.text, "changeLimit")
    assert 'value="many"' in wrong.text
    browser.post("/settings", data={"changeLimit": "50", "language": "nb"})
    read = world.org.client().get("/v1/settings").json()
    assert (read["changeLimit"], read["language"]) == (50, "nb")
    browser.post("/settings", data={"changeLimit": "", "language": ""})
    read = world.org.client().get("/v1/settings").json()
    assert (read["changeLimit"], read["language"]) == (None, None)


def test_the_menu_leads_who_may_only_read_the_settings_to_them_and_nothing_is_offered_there(world: World) -> None:
    world.org.client().put("/v1/settings", json={"changeLimit": 1234})
    reader = world.org.visitor(Permission.VIEW)
    assert 'href="/settings"' in reader.get("/overview").text
    page = reader.get("/settings").text
    assert "1,234" in page
    assert 'action="/settings' not in page
    assert reader.post("/settings", data={"changeLimit": "5"}).status_code == 403


def test_training_is_switched_off_and_on_again_at_the_same_page(world: World) -> None:
    browser = world.org.visitor()
    browser.post("/settings/availability", data={"enabled": "false"})
    assert browser.get("/assignments").status_code == 403
    assert "Switch training on" in browser.get("/settings").text
    browser.post("/settings/availability", data={"enabled": "true"})
    assert browser.get("/assignments").status_code == 200


def test_a_reader_sees_the_settings_without_a_form(world: World) -> None:
    shown = world.org.visitor(Permission.VIEW).get("/settings")
    assert shown.status_code == 200
    assert 'name="changeLimit"' not in shown.text


# --- my training


def test_the_page_of_a_person_leads_to_each_course_licence_and_session_that_it_names(
    world: World, subtests: pytest.Subtests
) -> None:
    browser = world.org.visitor(Permission.VIEW)
    named = set[str]()
    for party_id in ("crew-1", "crew-3"):
        named |= set(re.findall(r'<strong><a href="(/[^"]+)">', browser.get(f"/parties/{party_id}").text))
    assert {one.split("/")[1] for one in named} == {"courses", "licences", "sessions"}
    for address in named:
        with subtests.test(address):
            assert browser.get(address).status_code == 200


@pytest.fixture
def owing(world: World) -> str:
    """A person who owes a course."""
    (found,) = world.org.client().get("/v1/assignments?state=assigned").json()["items"]
    return str(found["party"]["entityId"])


@pytest.fixture
def person(world: World, owing: str) -> TestClient:
    """The browser of that person, who has no permission of a page."""
    return world.org.visitor(Permission.COMPLETE_SESSION_TASKS, party=owing)


def test_a_person_reads_and_completes_what_they_owe(world: World, owing: str, person: TestClient) -> None:
    shown = person.get("/me").text
    action = re.search(r'action="(/me/assignments/[^"]+/complete)"', shown)
    assert action
    assert person.post(action.group(1)).headers["Location"] == "/me"
    done = world.org.client().get(f"/v1/assignments?partyId={owing}").json()["items"][0]
    assert done["completion"]["method"] == "self"
    assert "I have done it" not in person.get("/me").text


def test_a_person_cannot_complete_what_another_owes(world: World, person: TestClient) -> None:
    (other,) = world.org.client().get("/v1/assignments?state=completed").json()["items"]
    assert person.post(f"/me/assignments/{other['id']}/complete").status_code in (403, 404)


def test_a_member_who_represents_nobody_is_told_so(world: World) -> None:
    assert "belongs to nobody" in world.org.visitor().get("/me").text


# --- mail


def test_pages_say_that_nobody_is_told_while_nothing_sends_mail(world: World) -> None:
    browser, off = world.org.visitor(), "Mail is switched off here"
    reminding = {"act": "remind", "matching": "all", "shown": "1"}
    assert off in browser.get("/assign").text
    assert off in browser.post("/assignments/act", data=reminding).text
    assert off not in browser.post("/assignments/act", data=reminding | {"act": "close"}).text
    parts = world.org.parts
    sender = Presence("sender", parts.settings.model_copy(update={"smtp_url": "smtp://mail.example"}))
    sender.note(parts.database, clock.now())
    try:
        assert off not in browser.get("/assign").text
        assert off not in browser.post("/assignments/act", data=reminding).text
    finally:
        sender.end(parts.database)
