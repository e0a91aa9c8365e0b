"""Visits: which requests a cookie lets in, as whom, and for how long."""

import dataclasses
import logging
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from fastapi.testclient import TestClient
from sqlalchemy import select

from api.http.parts import Parts
from shared.access import Permission, SignIn
from tests.console.probing import status, with_probes
from tests.factories import Org, count_statements

AT = datetime.fromisoformat("2026-11-27T08:00:00+00:00")


@pytest.fixture
def still() -> Iterator[Any]:
    """A clock that moves only when the test moves it."""
    with time_machine.travel(AT, tick=False) as moved:
        yield moved


def rows(org: Org) -> list[SignIn]:
    """Return the sign-ins of an organization."""
    with org.transaction() as db:
        return list(db.scalars(select(SignIn).order_by(SignIn.id)))


# --- who it is


def test_a_cookie_gives_the_caller_that_a_token_with_the_same_claims_gives(home: Org) -> None:
    browser = home.visitor(Permission.VIEW, member="ada", party="crew-1", folders=["crew", "deck"])
    assert browser.get("/probe").json() == {
        "member": "ada",
        "party": "crew-1",
        "folders": ["crew", "deck"],
        "permissions": ["training.view"],
        "name": "ada",
        "organization": "Test",
        "transaction": home.id,
        "recent": True,
    }


def test_a_visit_costs_one_query(home: Org, monkeypatch: pytest.MonkeyPatch) -> None:
    """A question, which the engine does not see (`shared/asking.py`)."""
    browser, asked = home.visitor(), []
    browser.get("/probe")
    ask = home.parts.database.questions.ask

    def noted(*given: Any, **more: Any) -> Any:
        asked.append(given)
        return ask(*given, **more)

    monkeypatch.setattr(home.parts.database.questions, "ask", noted)
    with count_statements(home.parts.database.engine) as sent:
        browser.get("/probe")
    assert len(asked) == 1
    assert not any("sign_in" in one or "UPDATE" in one for one in sent.sent)


@pytest.mark.parametrize(
    "cookie", ["", ".", "x", "x.{org}", ".{org}", "{token}", "{token}.", "{token}.{other}", "é.{org}"]
)
def test_another_cookie_lets_nobody_in(home: Org, other_org: Org, cookie: str) -> None:
    good = home.visitor()
    token, _, org_id = good.cookies["rollcall"].partition(".")
    value = cookie.format(token=token, org=org_id, other=other_org.id)
    sent = {b"Cookie": f"rollcall={value}".encode()}
    assert TestClient(home.app).get("/probe", headers=sent).status_code == 401
    assert status(good) == 200


def test_the_table_has_no_token_by_which_one_could_sign_in(home: Org) -> None:
    browser = home.visitor()
    token = browser.cookies["rollcall"].partition(".")[0]
    (row,) = rows(home)
    told = [bytes(value) if isinstance(value, bytes) else str(value).encode() for value in vars(row).values()]
    assert not any(token.encode() in value for value in told)
    forged = TestClient(home.app, cookies={"rollcall": f"{row.token_hash.hex()}.{home.id}"})
    assert status(forged) == 401


def test_pages_ignore_bearer_tokens_and_the_api_ignores_cookies(home: Org) -> None:
    assert status(home.client()) == 401
    browser = home.visitor()
    assert browser.get("/v1/me").status_code == 401
    assert browser.get("/v1/parties").status_code == 401
    assert browser.get("/v1/me", headers={"Authorization": f"Bearer {home.token(member='ben')}"}).status_code == 200
    assert (
        browser.get("/probe", headers={"Authorization": f"Bearer {home.token(member='ben')}"}).json()["member"]
        == "member-1"
    )


def test_visits_count_among_the_requests_of_their_organization(home: Org, parts: Parts) -> None:
    browser = home.visitor()
    taken = parts.shares.requests
    held = [taken.taken(home.id) for _ in range(taken.most)]
    for one in held:
        one.__enter__()
    try:
        assert status(browser) == 429
    finally:
        for one in held:
            one.__exit__(None, None, None)
    assert status(browser) == 200


# --- for how long


def test_a_sign_in_that_is_not_used_for_30_minutes_is_over(home: Org, still: Any) -> None:
    browser = home.visitor()
    still.shift(timedelta(minutes=29, seconds=59))
    assert status(browser) == 200
    still.shift(timedelta(minutes=29, seconds=59))
    assert status(browser) == 200
    still.shift(timedelta(minutes=30))
    assert status(browser) == 401


def test_a_sign_in_ends_after_12_hours_however_much_it_is_used(home: Org, still: Any) -> None:
    browser = home.visitor()
    for _ in range(12 * 60 // 20 - 1):
        still.shift(timedelta(minutes=20))
        assert status(browser) == 200
    still.shift(timedelta(minutes=19, seconds=59))
    assert status(browser) == 200
    still.shift(timedelta(seconds=1))
    assert status(browser) == 401


@pytest.mark.parametrize("headers", [{"Sec-Fetch-Dest": "empty"}, {"Sec-Purpose": "prefetch"}])
def test_what_the_browser_fetches_by_itself_does_not_keep_a_sign_in_alive(
    home: Org, still: Any, headers: dict[str, str]
) -> None:
    browser = home.visitor()
    for _ in range(2):
        still.shift(timedelta(minutes=14))
        assert status(browser, **headers) == 200
    still.shift(timedelta(minutes=2))
    assert status(browser) == 401


def test_uses_within_a_minute_write_once(home: Org, still: Any) -> None:
    browser = home.visitor()
    used = []
    for _ in range(5):
        still.shift(timedelta(seconds=30))
        browser.get("/probe")
        used.append((rows(home)[0].last_used_at - AT).total_seconds())
    assert used == [0, 60, 60, 120, 120]


def test_signing_out_ends_the_sign_in_and_takes_the_cookie(home: Org) -> None:
    browser, other = home.visitor(), home.visitor()
    answer = browser.post("/sign-out")
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/sign-in?out=1&organization={home.id}")
    assert 'rollcall=""; ' in answer.headers["Set-Cookie"]
    assert (status(browser), status(other)) == (401, 200)
    assert [one.end_reason for one in rows(home)] == ["signed-out", None]


def test_the_cookie_of_a_sign_in_that_was_signed_out_elsewhere_opens_nothing(home: Org) -> None:
    browser = home.visitor()
    copied = TestClient(home.app, cookies=dict(browser.cookies))
    browser.post("/sign-out")
    assert status(copied) == 401
    assert (
        copied.post("/sign-out", headers={"Sec-Fetch-Site": "same-origin"}, follow_redirects=False).status_code == 303
    )


def test_sign_out_is_a_post_from_a_page_of_the_service(home: Org) -> None:
    browser = home.visitor()
    assert browser.get("/sign-out").status_code == 405
    assert browser.post("/sign-out", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert status(browser) == 200


def test_a_sign_in_ends_at_once_when_its_party_is_set_inactive(home: Org) -> None:
    home.with_parties("crew-1", "crew-2")
    one, two = home.visitor(party="crew-1"), home.visitor(party="crew-2")
    assert status(one) == 200
    off = {"entityId": "crew-1", "displayName": "A", "active": False}
    assert home.client().put("/v1/parties", json={"parties": [off]}).json()["updated"] == 1
    assert (status(one), status(two)) == (401, 200)


def test_erasing_a_party_ends_its_sign_ins_and_blanks_the_names_in_them(home: Org) -> None:
    home.with_parties("crew-1", "crew-2")
    known = {"entityId": "crew-1", "displayName": "A", "memberId": "ada"}
    home.client().put("/v1/parties", json={"parties": [known]})
    theirs = [home.visitor(party="crew-1", member="x"), home.visitor(member="ada"), home.visitor(party="crew-2")]
    assert home.client().post("/v1/parties/crew-1/erase").status_code == 200
    assert [status(browser) for browser in theirs] == [401, 401, 200]
    assert [(one.name, one.agent, one.subject, one.end_reason) for one in rows(home)] == [
        (None, None, None, "party-erased"),
        (None, None, None, "party-erased"),
        (None, "Firefox on Linux", "member-1", None),
    ]


def test_a_new_sign_in_deletes_those_that_ended_a_month_ago(home: Org, still: Any) -> None:
    home.visitor(member="long-ago")
    still.shift(timedelta(days=30, hours=11))
    home.visitor(member="then")
    assert [one.member_id for one in rows(home)] == ["long-ago", "then"]
    still.shift(timedelta(hours=1, seconds=1))
    home.visitor(member="now")
    assert [one.member_id for one in rows(home)] == ["then", "now"]


# --- a recent sign-in


def test_an_act_that_needs_a_recent_sign_in_is_refused_after_5_minutes(home: Org, still: Any) -> None:
    browser, older = home.visitor(), home.visitor(authenticated_at=AT - timedelta(seconds=1))
    still.shift(timedelta(minutes=5))
    assert browser.post("/probe/recent").status_code == 200
    refused = older.post("/probe/recent")
    assert (refused.status_code, refused.json()["type"]) == (401, "urn:rollcall:problem:sign-in-not-recent")
    assert (browser.get("/probe").json()["recent"], older.get("/probe").json()["recent"]) == (True, False)


# --- the cookie


def test_the_cookie_is_bound_to_this_host_and_to_https_but_on_loopback(home: Org, parts: Parts) -> None:
    settings = parts.settings.model_copy(update={"public_url": "https://training.example.org"})
    app = with_probes(dataclasses.replace(parts, settings=settings))
    secure = dataclasses.replace(home, app=app, parts=dataclasses.replace(parts, settings=settings))
    browser = secure.visitor()
    assert list(browser.cookies) == ["__Host-rollcall"]
    browser.base_url = "https://training.example.org"
    assert status(browser) == 200
    plain = TestClient(
        app, base_url="https://training.example.org", cookies={"rollcall": browser.cookies["__Host-rollcall"]}
    )
    assert status(plain) == 401
    for one, name in ((browser, "__Host-rollcall"), (home.visitor(), "rollcall")):
        parts_of = set(one.post("/sign-out").headers["Set-Cookie"].lower().replace(" ", "").split(";"))
        assert parts_of >= {f'{name.lower()}=""', "httponly", "samesite=lax", "path=/"}
        assert ("secure" in parts_of) == (name != "rollcall")
        assert not any(part.startswith("domain") for part in parts_of)


def test_no_log_has_the_cookie(home: Org, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.WARNING, "httpx2")  # the test's own client
    browser = home.visitor()
    token = browser.cookies["rollcall"].partition(".")[0]
    browser.get("/probe")
    browser.post("/probe", headers={"Sec-Fetch-Site": "cross-site"})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("shared.access.get_organization", lambda _: 1 / 0)
        assert status(browser) == 500
    browser.post("/sign-out")
    assert "request failed" in caplog.text
    assert token not in caplog.text


def test_a_sign_in_ends_only_those_of_its_own_member(home: Org) -> None:
    ada, ben = home.visitor(member="ada"), home.visitor(member="ben")
    ada.post("/sign-out")
    assert (status(ada), status(ben)) == (401, 200)
