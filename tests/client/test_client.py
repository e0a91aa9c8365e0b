"""The Python client: it has every operation, repeats what may be repeated, and drives the README's tour."""

import asyncio
import warnings
from collections.abc import Callable
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI

from rollcall_client import ApiError, AsyncClient, Client, Unreachable, deprecation
from shared.access import Permission
from tests.browser.conftest import site
from tests.client import generated
from tests.drain import InProcessWorker
from tests.factories import Org

__all__ = ["site"]


def test_the_client_has_every_operation_of_the_document(app: FastAPI) -> None:
    """Run `make client` after a route was added or changed."""
    for path, text in generated.files(app.openapi()).items():
        assert path.read_text(encoding="utf-8") == text, f"{path.name} is out of date: run `make client`"


@pytest.fixture
def token(org: Org) -> str:
    """A token with every permission, of an organization with five parties and a course."""
    org.with_parties(*(f"crew-{number}" for number in range(5)), folder="deck")
    org.with_course(code="H2S")
    return org.token(*Permission)


def test_the_tour_of_the_readme(site: str, token: str, org: Org, worker: InProcessWorker) -> None:
    with Client(site, token) as rollcall:
        parties = [party["entityId"] for party in rollcall.each("list_parties", folder_id="deck", limit=2)]
        assert parties == [f"crew-{number}" for number in range(5)]
        (course,) = rollcall.each("list_courses", q="H2S")
        recipients: Any = [{"entityType": "party", "entityId": party} for party in parties]
        job = rollcall.create_assignments({"courseId": course["id"], "recipients": recipients, "reason": "Rig move"})
        worker.drain(org.id)
        job = rollcall.wait(job)
        assert (job["state"], job["counts"]["succeeded"]) == ("succeeded", 5)
        assert rollcall.summarize_assignments()["items"][0]["assigned"] == 5
        assert rollcall.list_assignments(folder_id="deck", limit=1)["nextCursor"]
        assert not rollcall.check_licence(party_id=parties[0], course_id=course["id"])["licensed"]
        undo = rollcall.undo_job(job["id"])
        worker.drain(org.id)
        assert rollcall.wait(undo)["counts"]["succeeded"] == 5
        assert len(rollcall.read_events(after=0, limit=500)["items"]) > 15


def test_the_same_tour_with_await(site: str, token: str, org: Org, worker: InProcessWorker) -> None:
    async def tour() -> None:
        async with AsyncClient(site, token) as rollcall:
            parties = [party["entityId"] async for party in rollcall.each("list_parties", folder_id="deck", limit=2)]
            course = (await rollcall.list_courses(q="H2S"))["items"][0]
            recipients: Any = [{"entityType": "party", "entityId": party} for party in parties]
            asked: Any = {"courseId": course["id"], "recipients": recipients, "reason": "Rig move"}
            job = await rollcall.create_assignments(asked, idempotency_key="once")
            again = await rollcall.create_assignments(asked, idempotency_key="once")
            assert again["id"] == job["id"]
            await asyncio.to_thread(worker.drain, org.id)
            assert (await rollcall.wait(job))["counts"]["succeeded"] == 5

    asyncio.run(tour())


def test_a_refusal_is_an_error_with_its_problem(site: str, token: str) -> None:
    with Client(site, token) as rollcall, pytest.raises(ApiError) as refused:
        rollcall.read_party("nobody/../x")
    assert (refused.value.status, refused.value.slug) in {(404, "not-found"), (422, "invalid-input")}
    assert refused.value.request_id


# --- without a server

Answers = Callable[[httpx2.Request], httpx2.Response]


def scripted(answers: list[Any], waited: list[float]) -> tuple[Client, list[httpx2.Request]]:
    """Return a client that gets these answers or errors in turn, and the requests that it sends."""
    sent: list[httpx2.Request] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        sent.append(request)
        found = answers[len(sent) - 1]
        if isinstance(found, Exception):
            raise found
        assert isinstance(found, httpx2.Response)
        return found

    http = httpx2.Client(base_url="https://rollcall.example", transport=httpx2.MockTransport(answer))
    return Client("", "token", http=http, sleep=waited.append), sent


def busy(seconds: str) -> httpx2.Response:
    """Return the answer of a service that asks to wait."""
    return httpx2.Response(503, headers={"Retry-After": seconds})


def test_a_busy_service_is_asked_again_when_it_says_with_the_same_key() -> None:
    waited: list[float] = []
    client, sent = scripted([busy("7"), httpx2.ReadTimeout("slow"), httpx2.Response(202, json={"id": "1"})], waited)
    answer: Any = client.create_assignments({"courseId": "c", "recipients": [], "reason": "r"})
    assert answer == {"id": "1"}
    assert waited[0] == 7
    assert 0 < waited[1] < 2
    (key,) = {request.headers["Idempotency-Key"] for request in sent}
    assert len(key) == 36


def test_what_would_be_done_twice_is_not_sent_again() -> None:
    client, sent = scripted([httpx2.ReadTimeout("slow")], [])
    with pytest.raises(Unreachable):
        client.cancel_job("1")
    assert len(sent) == 1


def test_it_gives_up_after_some_attempts() -> None:
    waited: list[float] = []
    client, sent = scripted([busy("1")] * 9, waited)
    with pytest.raises(ApiError) as refused:
        client.read_me()
    assert (refused.value.status, len(sent), waited) == (503, 4, [1, 1, 1])


def test_a_file_is_bytes_and_a_text_is_a_text() -> None:
    paper = httpx2.Response(200, content=b"PK\xff", headers={"Content-Type": "application/zip"})
    table = httpx2.Response(200, text="a,b", headers={"Content-Type": "text/csv; charset=utf-8"})
    client, sent = scripted([paper, table, httpx2.Response(204)], [])
    assert client.export_pack("p") == b"PK\xff"
    assert client.export_parties_to_repair({}) == "a,b"
    client.put_logo(b"\x89PNG", content_type="image/png")
    assert (sent[2].content, sent[2].headers["Content-Type"]) == (b"\x89PNG", "image/png")


def test_an_unknown_parameter_is_an_error_here() -> None:
    client, sent = scripted([], [])
    with pytest.raises(TypeError, match="folderId"):
        client.list_parties(folderId="deck")  # type: ignore[call-arg]
    assert sent == []


def old(*_: httpx2.Request) -> httpx2.Response:
    """Return the answer of a deprecated operation."""
    headers = {
        "Deprecation": "@1798761600",
        "Sunset": "Sat, 01 Jan 2028 00:00:00 GMT",
        "Link": '</x>; rel="next", </docs>; rel="deprecation"; type="text/html"',
    }
    return httpx2.Response(200, headers=headers, json={"items": [], "nextCursor": None})


def test_a_deprecated_operation_is_warned_of_once_at_the_line_that_calls_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deprecation, "_warned", set())
    client, _ = scripted([old(), old(), old()], [])
    with warnings.catch_warnings(record=True, action="always") as warned:
        client.list_parties()
        assert list(client.each("list_courses")) == []
        client.list_parties()
    assert {each.category for each in warned} == {DeprecationWarning}
    said = "is deprecated since 2027-01-01; it may be gone from Sat, 01 Jan 2028 00:00:00 GMT on; see /docs"
    assert [str(each.message) for each in warned] == [f"{name} {said}" for name in ("list_parties", "list_courses")]
    assert {each.filename for each in warned} == {__file__}


def test_the_client_to_await_warns_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deprecation, "_warned", set())

    async def called() -> None:
        http = httpx2.AsyncClient(base_url="https://rollcall.example", transport=httpx2.MockTransport(old))
        async with AsyncClient("", "token", http=http) as client:
            await client.list_parties()

    with pytest.warns(DeprecationWarning, match="list_parties") as warned:
        asyncio.run(called())
    assert [each.filename for each in warned] == [__file__]


@pytest.mark.parametrize("since", ["true", "@", "@99999999999999", "Sat, 01 Jan 2028 00:00:00 GMT"])
def test_a_deprecation_in_another_form_is_warned_of_without_its_day(since: str) -> None:
    with pytest.warns(DeprecationWarning, match=rf"^an operation {len(since)} is deprecated$"):
        deprecation.warn(f"an operation {len(since)}", {"deprecation": since})


def test_other_operations_are_not_warned_of(recwarn: pytest.WarningsRecorder) -> None:
    client, _ = scripted([httpx2.Response(200, json={})], [])
    client.read_me()
    assert not recwarn.list
