"""Session links: tokens, minting, dead links, an external Public Sessions system, and a party's own assignments."""

import dataclasses
import uuid
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from shared import assignments, clock
from shared.access import Permission
from shared.assignments import Assignment, LinkDead, SessionLinks
from shared.settings import Settings
from shared.signed_links import LINK_LIFETIME, LinkExpired, LinkInvalid, LinksNotConfigured
from tests.assignments.links import PARTY, Sent, anybody, send
from tests.drain import InProcessWorker
from tests.factories import Org, add_org

NOW = datetime(2026, 6, 15, 12, tzinfo=UTC)
SECRET, OTHER_SECRET = "s" * 32, "o" * 32
OWED = Assignment(org_id="acme", id=uuid.UUID(int=7), link_epoch=3)


def signer(link_secret: str | None = None, jwt_secret: str | None = None) -> SessionLinks:
    return SessionLinks(Settings(link_secret=link_secret, jwt_secret=jwt_secret))


def token(links: SessionLinks) -> str:
    return links.mint(OWED, NOW).url.removeprefix("http://127.0.0.1:8000/s/")


# --- tokens


def test_a_token_names_its_organization_assignment_and_epoch() -> None:
    links = signer(SECRET)
    link = links.read(token(links), NOW)
    assert (link.org_id, link.assignment_id, link.epoch) == ("acme", OWED.id, 3)
    assert link.expires_at == NOW + LINK_LIFETIME
    assert len(token(links)) < 80


def test_a_token_expires() -> None:
    links = signer(SECRET)
    links.read(token(links), NOW + LINK_LIFETIME - timedelta(seconds=1))
    with pytest.raises(LinkExpired):
        links.read(token(links), NOW + LINK_LIFETIME)


def test_a_token_with_any_other_spelling_is_invalid() -> None:
    links = signer(SECRET)
    good = token(links)
    changed = {good[:n] + ("A" if good[n] != "A" else "B") + good[n + 1 :] for n in range(len(good))}
    garbage = {
        "",
        ".",
        "a.b",
        good[:-1],
        f"{good}.",
        f"{good}=",
        f" {good}",
        good.replace(".", ""),
        "é.é",
        "\0",
        "x" * 9999,
    }
    for forged in changed | garbage:
        with pytest.raises(LinkInvalid):
            links.read(forged, NOW)


def test_tokens_are_signed_with_the_link_secret_or_else_with_the_jwt_secret() -> None:
    both = signer(SECRET, OTHER_SECRET)
    assert token(both) == token(signer(SECRET)) != token(signer(None, SECRET.upper()))
    assert token(signer(None, SECRET)) == token(signer(SECRET))
    with pytest.raises(LinkInvalid):
        signer(OTHER_SECRET).read(token(both), NOW)


def test_without_a_secret_no_token_is_minted_or_valid() -> None:
    with pytest.raises(LinksNotConfigured):
        signer().mint(OWED, NOW)
    with pytest.raises(LinkInvalid):
        signer().read(token(signer(SECRET)), NOW)


# --- dead links


@pytest.mark.parametrize(
    ("state", "epoch", "dead"),
    [("assigned", 3, False), ("completed", 3, False), ("closed", 3, True), ("assigned", 4, True)],
)
def test_a_link_is_dead_if_its_assignment_is_closed_or_has_a_later_epoch(state: str, epoch: int, dead: bool) -> None:
    links = signer(SECRET)
    link = links.read(token(links), NOW)
    now_it_is = Assignment(org_id="acme", id=OWED.id, link_epoch=epoch, state=state)
    with pytest.raises(LinkDead) if dead else nullcontext():
        assignments.check_link(link, now_it_is)


@pytest.mark.parametrize("end", ["close", "reassign", "close many"])
def test_a_link_from_before_a_closure_does_not_complete_the_reopened_assignment(
    sent: Sent, worker: InProcessWorker, end: str
) -> None:
    """Closing, reassigning and closing many each raise the epoch, and reopening does not lower it."""
    if end == "close many":
        asked = {"assignmentIds": [sent.assignment_id], "reason": "Left"}
        assert sent.org.client().post("/v1/assignments/close", json=asked).status_code == 202
        worker.drain(sent.org.id)
    else:
        sent.org.with_parties("crew-2")
        recipient = {"recipient": {"entityType": "party", "entityId": "crew-2"}} if end == "reassign" else {}
        sent.change(end, reason="Left", **recipient)
    sent.change("reopen", reason="Came back")
    assert anybody(sent.org).post(sent.path).status_code == 410
    assert sent.assignment()["state"] == "assigned"
    fresh = mint(sent, sent.org.client()).json()["url"]
    assert anybody(sent.org).post(dataclasses.replace(sent, url=fresh).path).status_code == 303
    assert sent.assignment()["state"] == "completed"


# --- minting by hand


@pytest.fixture
def sent(org: Org, worker: InProcessWorker) -> Sent:
    return send(org, worker)


def mint(sent: Sent, client: TestClient) -> Any:
    return client.post(f"/v1/assignments/{sent.assignment_id}/session-link")


def test_a_minted_link_is_stored_neither_in_the_row_nor_in_an_event(sent: Sent) -> None:
    answer = mint(sent, sent.org.client(Permission.COMPLETE, member="coordinator"))
    assert answer.headers["Cache-Control"] == "no-store"
    expires_at = datetime.fromisoformat(answer.json()["expiresAt"])
    assert timedelta(days=29, hours=23) < expires_at - clock.now() <= timedelta(days=30)
    fact = sent.events()[-1]
    assert (fact["type"], fact["data"]["actor"]["id"], fact["data"]["partyId"]) == (
        "assignment.session_link_minted",
        "coordinator",
        PARTY,
    )
    with sent.org.transaction() as db:
        row = assignments.get(db, uuid.UUID(sent.assignment_id), None)[0]
        stored = str(vars(row)) + str(sent.events())
    assert "/s/" not in stored
    assert answer.json()["url"].rpartition(".")[2] not in stored
    assert row.revision == 1  # minting is no change: the job that made the assignment can still be undone


def test_a_link_is_minted_only_with_the_permission_and_within_the_callers_folders(sent: Sent, other_org: Org) -> None:
    refused = mint(sent, sent.org.client(Permission.VIEW, Permission.ASSIGN, Permission.MANAGE_ASSIGNMENTS))
    assert (refused.status_code, refused.json()["type"]) == (403, "urn:rollcall:problem:permission-denied")
    assert mint(sent, sent.org.client(Permission.COMPLETE, folders=["kennel"])).status_code == 404
    assert mint(sent, other_org.client()).status_code == 404


def test_a_completion_by_a_minted_link_names_the_member_who_minted_it(sent: Sent) -> None:
    url = mint(sent, sent.org.client(Permission.COMPLETE, member="coordinator")).json()["url"]
    anybody(sent.org).post(dataclasses.replace(sent, url=url).path)
    completion = sent.assignment()["completion"]
    assert completion["by"] == {"type": "party", "id": PARTY}
    assert completion["linkMintedBy"] == {"type": "member", "id": "coordinator"}
    assert sent.events()[-1]["data"]["linkMintedBy"] == "coordinator"
    sent.change("reopen", reason="Not the party")
    assert sent.assignment()["completion"] is None
    sent.change("complete")
    assert sent.assignment()["completion"]["linkMintedBy"] is None


def test_a_party_with_an_account_gets_a_link_only_by_force(sent: Sent) -> None:
    row = {"entityId": PARTY, "displayName": "Robin", "memberId": "robin"}
    assert sent.org.client().put("/v1/parties", json={"parties": [row]}).status_code == 200
    path = f"/v1/assignments/{sent.assignment_id}/session-link"
    client = sent.org.client(Permission.COMPLETE)
    refused = [client.post(path), client.post(path, json={"force": False})]
    assert {(one.status_code, one.json()["type"]) for one in refused} == {
        (409, "urn:rollcall:problem:party-has-account")
    }
    assert client.post(path, json={"force": True}).status_code == 200


@pytest.mark.parametrize("how", ["inactive", "erased"])
def test_the_links_of_a_party_that_is_inactive_or_erased_are_dead(sent: Sent, how: str) -> None:
    if how == "erased":
        assert sent.org.client().post(f"/v1/parties/{PARTY}/erase").status_code == 200
    else:
        row = {"entityId": PARTY, "displayName": "Robin", "active": False}
        assert sent.org.client().put("/v1/parties", json={"parties": [row]}).status_code == 200
    assert [anybody(sent.org).get(sent.path).status_code, anybody(sent.org).post(sent.path).status_code] == [410, 410]
    assert sent.assignment()["state"] == "assigned"


@pytest.mark.parametrize(("what", "slug"), [("complete", "assignment-completed"), ("close", "assignment-closed")])
def test_an_assignment_that_has_ended_gets_no_link(sent: Sent, what: str, slug: str) -> None:
    sent.change(what, **({"reason": "Left"} if what == "close" else {}))
    refused = mint(sent, sent.org.client())
    assert (refused.status_code, refused.json()["type"]) == (409, f"urn:rollcall:problem:{slug}")


def test_minting_without_a_secret_names_the_missing_setting(sent: Sent) -> None:
    without = sent.org.parts.settings.model_copy(update={"jwt_secret": None})
    keyless = create_app(dataclasses.replace(sent.org.parts, settings=without))
    refused = mint(sent, dataclasses.replace(sent.org, app=keyless).client())
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:rollcall:problem:links-not-configured")
    assert "ROLLCALL_LINK_SECRET" in refused.json()["detail"]


# --- an external Public Sessions system


def report(sent: Sent, session_id: str = "ps-1", **more: Any) -> Any:
    body = {"taskType": "training_complete", "assignmentId": sent.assignment_id, "sessionId": session_id} | more
    client = sent.org.client(Permission.COMPLETE_SESSION_TASKS, member="public-sessions")
    return client.post("/v1/session-tasks/complete", json=body)


def test_a_session_task_completes_the_assignment_once_as_the_party(sent: Sent) -> None:
    first = report(sent, completedAt="2026-01-31T09:00:00Z")
    assert first.status_code == 200, first.text
    completion = first.json()["completion"]
    assert (completion["method"], completion["by"]) == ("session_link", {"type": "party", "id": PARTY})
    assert completion["occurredOn"] == "2026-01-31"
    again = report(sent)
    assert (again.status_code, again.json()) == (200, first.json())
    facts = [fact for fact in sent.events() if fact["type"] == "assignment.completed"]
    assert [fact["data"]["publicSessionId"] for fact in facts] == ["ps-1"]
    other = report(sent, "ps-2")
    assert (other.status_code, other.json()["type"]) == (409, "urn:rollcall:problem:assignment-completed")


def test_the_day_of_a_session_task_is_the_day_in_the_organizations_zone(org: Org, worker: InProcessWorker) -> None:
    auckland = send(add_org(org.app, org.parts, time_zone="Pacific/Auckland"), worker)
    assert report(auckland, completedAt="2026-01-31T20:00:00Z").json()["completion"]["occurredOn"] == "2026-02-01"


def test_a_session_task_must_not_lie_in_the_future(sent: Sent) -> None:
    soon = clock.now() + timedelta(seconds=20)
    later = report(sent, completedAt=(soon + timedelta(hours=1)).isoformat())
    assert (later.status_code, later.json()["errors"][0]["pointer"]) == (422, "/completedAt")
    assert report(sent, completedAt=soon.isoformat()).status_code == 200  # a reporting system whose clock is 20 s fast


def test_a_bad_session_task_is_refused(sent: Sent, other_org: Org) -> None:
    assert report(sent, taskType="document_signed").status_code == 422
    assert report(sent, completedAt="2026-01-31T09:00:00").status_code == 422
    assert report(sent, "two words").status_code == 422
    foreign = dataclasses.replace(sent, org=other_org)
    assert report(foreign).status_code == 404
    assert sent.org.client(Permission.COMPLETE).post("/v1/session-tasks/complete", json={}).status_code == 403
    sent.change("close", reason="Left")
    closed = report(sent)
    assert (closed.status_code, closed.json()["type"]) == (409, "urn:rollcall:problem:assignment-closed")
