"""A directory and a training history as three kinds of system export them, moved in by API, by command and on pages."""

import re
from datetime import datetime
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl
from zoneinfo import ZoneInfo

import pytest
from fastapi.testclient import TestClient

from cli.main import run_command
from shared.access import Permission
from tests.assignments.asking import pages, read_job
from tests.conftest import Servers
from tests.drain import InProcessWorker
from tests.factories import Org
from tests.moving_in.systems import COUNT, CREWS, SYSTEMS, System, people

BY_NAME = pytest.mark.parametrize("system", SYSTEMS, ids=lambda system: system.name)


def arrived(org: Org, system: System) -> None:
    """Assert that everybody is there as the system knows them, and licensed as it says."""
    known = people("cp1252" if system.name == "german-excel" else "utf-8")
    client = org.client()
    zone = client.get("/v1/settings").json()["timeZone"]
    found = {one["entityId"]: one for one in pages(client, "/v1/parties", limit=500)}
    folders = {one["id"]: one["name"] for one in pages(client, "/v1/folders", limit=500)}
    assert sorted(folders.values()) == sorted(CREWS)
    for person in known:
        party = found[person.number]
        assert (party["displayName"], party["email"], party["active"]) == (person.name, person.email, person.active)
        assert [folders[each] for each in party["folders"]] == [person.crew]
    licences = {one["party"]["entityId"]: one for one in pages(client, "/v1/licences", limit=500)}
    assert len(found) == len(licences) == COUNT
    for person in known:
        assert licences[person.number]["source"] == "record"
        begins = datetime.fromisoformat(licences[person.number]["validFrom"]).astimezone(ZoneInfo(zone))
        assert begins.date() == person.trained_on
        assert licences[person.number]["expiresAt"].startswith("203")


def sent(org: Org, method: str, path: str, system: System, content: bytes, maps: Any = ()) -> Any:
    path, _, query = path.partition("?")
    asked = {"map": list(maps)} | dict(parse_qsl(query))
    client = org.client(Permission.ADMIN, Permission.SYNC_DIRECTORY)
    answer = client.request(method, path, content=content, params=asked, headers={"Content-Type": system.media_type})
    assert answer.status_code in (200, 202), answer.text
    return answer.json()


@BY_NAME
def test_a_directory_and_a_history_move_in_by_api(org: Org, worker: InProcessWorker, system: System) -> None:
    org.with_course(code="H2S-01")
    people_file, history = system.people(), system.history()
    tried = sent(org, "PUT", "/v1/parties?dryRun=true", system, people_file, system.maps_of_people)
    assert (tried["created"], tried["failed"], tried["errors"]) == (COUNT, 0, [])
    assert pages(org.client(), "/v1/parties", limit=500) == []
    done = sent(org, "PUT", "/v1/parties", system, people_file, system.maps_of_people)
    assert {name: done[name] for name in done if name != "notes"} == {
        name: tried[name] for name in tried if name != "notes"
    }
    assert len(done["foldersCreated"]) == len(CREWS)
    seen = sent(org, "POST", "/v1/records/preview", system, history, system.maps_of_history)
    assert [(one["code"], one["count"]) for one in seen["outcomes"]] == [("recorded", COUNT)]
    job = sent(org, "POST", "/v1/records", system, history, system.maps_of_history)
    worker.drain(org.id)
    assert read_job(org, job)["counts"]["succeeded"] == COUNT
    arrived(org, system)
    again = sent(org, "PUT", "/v1/parties", system, people_file)  # it remembers which column is which field
    assert (again["unchanged"], again["failed"]) == (COUNT, 0)
    preview = sent(org, "POST", "/v1/records/preview", system, history)
    assert [(one["code"], one["count"]) for one in preview["outcomes"]] == [("already-recorded", COUNT)]


@BY_NAME
def test_a_directory_and_a_history_move_in_by_command(
    org: Org, servers: Servers, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, system: System
) -> None:
    monkeypatch.setenv("ROLLCALL_DATABASE_URL", servers.app_url)
    org.with_course(code="H2S-01")
    staff, history = tmp_path / f"staff{system.extension}", tmp_path / f"history{system.extension}"
    staff.write_bytes(system.people())
    history.write_bytes(system.history())

    def run(noun: str, file: Path, maps: Any = (), *options: str) -> int:
        said = [each for one in maps for each in ("--map", one)]
        return run_command([noun, "import", str(file), "--org", org.id, *said, *options])

    assert run("parties", staff, system.maps_of_people, "--dry-run") == 0
    assert run("parties", staff, system.maps_of_people) == 0
    assert run("records", history, system.maps_of_history, "--dry-run") == 0
    assert run("records", history, system.maps_of_history) == 0
    arrived(org, system)
    assert run("parties", staff) == run("records", history) == 0


def through_pages(browser: TestClient, purpose: str, content: bytes, maps: Any) -> str:
    """Send a file on its page, say what its columns are where the system needs it, and let it in.

    Returns the address to which that leads.
    """
    address = browser.post(f"/import/{purpose}", files={"file": ("export", content)}).headers["Location"]
    address = address.removesuffix("/columns")
    if maps:
        page = browser.get(f"{address}/columns").text
        named = dict(re.findall(r'<label for="(column\.\d+)">([^<]*)</label>', page))
        selects = re.findall(r'<select id="(column\.\d+)".*?</select>', page, re.DOTALL)
        chosen = dict(
            re.findall(r'<select id="(column\.\d+)"(?:(?!</select>).)*<option value="(\w+)" selected', page, re.DOTALL)
        )
        meant = dict(one.rsplit("=", 1) for one in maps)
        form = {one: meant.get(unescape(named[one]), chosen.get(one, "")) for one in selects}
        assert browser.post(f"{address}/columns", data=form).headers["Location"] == address
    page = browser.get(address).text
    assert "to repair" not in page
    answer = browser.post(f"{address}/{purpose}", data={"formKey": purpose})
    assert answer.status_code == 303, answer.text
    return str(answer.headers["Location"])


@BY_NAME
def test_a_directory_and_a_history_move_in_by_page(org: Org, worker: InProcessWorker, system: System) -> None:
    org.with_course(code="H2S-01")
    browser = org.visitor(Permission.ADMIN, Permission.VIEW, Permission.SYNC_DIRECTORY)
    through_pages(browser, "people", system.people(), system.maps_of_people)
    job = through_pages(browser, "records", system.history(), system.maps_of_history)
    worker.drain(org.id)
    assert f"{COUNT} of {COUNT}" in browser.get(job).text
    arrived(org, system)
