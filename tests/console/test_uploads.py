"""Uploads: a file is checked, its rows are repaired in the page, and the good ones go in, once."""

import re
from datetime import timedelta
from io import BytesIO
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import func, select

from shared import clock, uploads
from shared.uploads import Upload
from shared.workbooks import Heading, Kind, write
from tests.console.previews import button
from tests.drain import InProcessWorker
from tests.factories import Org, add_org

PEOPLE = "Employee ID;Name;E-mail\n7;Ada;ada@example.org\n8 8;Ben;\n9;;\n"


def send(browser: TestClient, purpose: str, content: str | bytes, name: str = "people.csv") -> Any:
    """Send a file, and return the answer."""
    body = content.encode() if isinstance(content, str) else content
    return browser.post(f"/import/{purpose}", files={"file": (name, body)})


def sent(browser: TestClient, purpose: str, content: str | bytes) -> str:
    """Send a file, and return the address of what was found."""
    answer = send(browser, purpose, content)
    assert answer.status_code == 303, answer.text
    return str(answer.headers["Location"])


def inputs(page: str) -> dict[str, str]:
    """The inputs for cells in a page, with what is in them."""
    return dict(re.findall(r'name="(cell\.\d+\.\d+)" value="([^"]*)"', page))


def number_before(page: str, words: str) -> int:
    """The number that stands before these words."""
    found = re.search(rf'<strong>(\d+)</strong></span>\s*<span class="what">[^|]*?{words}', page)
    assert found, page
    return int(found[1])


def test_people_are_repaired_in_the_page_and_the_good_ones_go_in_once(org: Org) -> None:
    browser = org.visitor()
    address = sent(browser, "people", PEOPLE)
    page = browser.get(address).text
    assert "Bring in the good one" in page
    wrong = inputs(page)
    assert wrong == {"cell.3.0": "8 8", "cell.4.1": ""}
    assert browser.post(f"{address}/repair", data={"cell.3.0": "88", "cell.4.1": ""}).status_code == 303
    page = browser.get(address).text
    assert inputs(page) == {"cell.4.1": ""}
    assert "Bring in the 2 good ones" in page
    assert org.client().get("/v1/parties").json()["items"] == []
    assert browser.post(f"{address}/people").headers["Location"] == address
    assert "The rows have gone in" in browser.get(address).text
    again = browser.post(f"{address}/people")
    assert (again.status_code, "have gone in already" in again.text) == (409, True)
    assert [one["entityId"] for one in org.client().get("/v1/parties").json()["items"]] == ["7", "88"]


def test_the_rows_to_repair_come_back_as_a_file_that_can_be_sent_again(org: Org) -> None:
    browser = org.visitor()
    answer = browser.get(f"{sent(browser, 'people', PEOPLE)}/download")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="rows-to-repair.csv"'
    lines = answer.content.decode("utf-8-sig").splitlines()
    assert lines[0] == "Employee ID;Name;E-mail;Rollcall says"
    assert [line.split(";")[0] for line in lines[1:]] == ["8 8", "9"]
    corrected = answer.content.replace(b"8 8", b"88")
    assert inputs(browser.get(sent(browser, "people", corrected)).text).keys() == {"cell.3.1"}


def test_columns_that_are_not_clear_are_said_on_a_page_of_their_own_and_remembered(org: Org) -> None:
    browser = org.visitor()
    address = sent(browser, "people", "Badge,Who\n7,Ada\n8,Ben\n")
    assert address.endswith("/columns")
    page = browser.get(address).text
    assert "7 · 8" in page
    assert 'select id="column.0"' in page
    answer = browser.post(address, data={"column.0": "entityId", "column.1": "displayName"})
    assert answer.headers["Location"] == address.removesuffix("/columns")
    assert "Bring in the 2 good ones" in browser.get(answer.headers["Location"]).text
    browser.post(f"{answer.headers['Location']}/people")
    assert not sent(browser, "people", "Badge,Who\n9,Cid\n").endswith("/columns")


def test_a_file_of_recipients_is_assigned_to_without_its_bad_rows(org: Org, worker: InProcessWorker) -> None:
    course_id = org.with_course()
    org.with_parties("a", "b", "c", "x")
    browser = org.visitor()
    address = sent(browser, "recipients", "id\na\nb\nnobody\nc c\na\n")
    page = browser.get(address).text
    assert inputs(page) == {"cell.4.0": "nobody", "cell.5.0": "c c"}
    browser.post(f"{address}/repair", data={"cell.5.0": "c", "cell.4.0": "nobody", "cell.2.0": "x"})
    upload_id = address.rpartition("/")[2]
    assert "3 people from a file" in browser.get(f"/assign?file={upload_id}").text
    form = {"courseId": course_id, "reason": "Audit", "file": upload_id, "formKey": "once"}
    preview = browser.post("/assign/preview", data=form).text
    assert "Assign to 3 people" in preview
    form["previewOf"] = button(preview).value
    first = browser.post("/assign", data=form).headers["Location"]
    assert browser.post("/assign", data=form).headers["Location"] == first
    worker.drain(org.id)
    assigned = org.client().get("/v1/assignments").json()["items"]
    assert sorted(one["party"]["entityId"] for one in assigned) == ["a", "b", "c"]


def test_somebody_limited_to_folders_repairs_ids_outside_them_as_unknown_ones(org: Org) -> None:
    org.with_parties("inside", folder="deck")
    org.with_parties("outside")
    browser = org.visitor(folders=["deck"])
    page = browser.get(sent(browser, "recipients", "id\ninside\noutside\nnobody\n")).text
    assert inputs(page) == {"cell.3.0": "outside", "cell.4.0": "nobody"}
    assert browser.get("/import/people").status_code == 403


def test_records_are_repaired_and_imported_as_a_job(org: Org, worker: InProcessWorker) -> None:
    org.with_course(code="H2S")
    org.with_parties("a", "b")
    browser = org.visitor()
    address = sent(browser, "records", "Party ID,Course,Completed\na,H2S,2025-03-01\nb,H2S,soon\nz,H2S,2025-03-01\n")
    page = browser.get(address).text
    assert inputs(page)["cell.3.2"] == "soon"
    assert "cell.4.0" in inputs(page)
    browser.post(f"{address}/repair", data={"cell.3.2": "2025-04-01"})
    made = browser.post(f"{address}/records", data={"formKey": "once"})
    assert made.headers["Location"].startswith("/jobs/")
    worker.drain(org.id)
    licences = org.client().get("/v1/licences").json()["items"]
    assert sorted(one["party"]["entityId"] for one in licences) == ["a", "b"]
    assert made.headers["Location"] in browser.get(address).text


def test_a_workbook_is_taken_and_its_repaired_cells_are_checked_by_the_server(org: Org) -> None:
    browser, content = org.visitor(), workbook([["7", "Ada"], ["8 8", "Ben"]])
    address = sent(browser, "people", content)
    browser.post(f"{address}/repair", data={"cell.3.0": "still wrong"})
    assert inputs(browser.get(address).text) == {"cell.3.0": "still wrong"}


def workbook(rows: list[list[str]]) -> bytes:
    """A workbook of people."""
    import tempfile

    with tempfile.TemporaryFile() as file:
        write(file, "People", [Heading("Employee ID", Kind.TEXT), Heading("Name", Kind.TEXT)], rows)
        return BytesIO(file.read()).getvalue()


# --- bad input


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "Choose a file"),
        (b"%PDF-1.7\n...", "a PDF"),
        (b"\x89PNG\r\n\x1a\n", "a picture"),
        (b"<html>", "XML"),
        (b"PK\x03\x04nothing", "damaged workbook"),
    ],
)
def test_a_file_that_is_none_of_people_says_what_it_is(org: Org, content: bytes, said: str) -> None:
    answer = send(org.visitor(), "people", content)
    assert answer.status_code == 422
    assert said in answer.text
    assert 'href="#file"' in answer.text
    assert "Import people" in answer.text


def test_a_form_without_a_file_is_refused_at_its_field(org: Org) -> None:
    for request in ({"data": {"file": "x"}}, {"content": b"--", "headers": {"Content-Type": "multipart/form-data"}}):
        answer = org.visitor().post("/import/people", **request)
        assert (answer.status_code, "Choose a file" in answer.text) == (422, True)


def test_a_text_without_columns_leads_to_the_page_that_says_so(org: Org) -> None:
    browser = org.visitor()
    address = sent(browser, "people", "Dear all,\nplease find the list below.\n")
    assert "The columns are not clear yet" in browser.get(address).text
    assert "Go on with" not in browser.get(address.removesuffix("/columns")).text
    assert browser.post(f"{address.removesuffix('/columns')}/people").status_code == 422


def test_a_cell_that_is_no_markup_and_one_of_a_line_without_fault_stay_as_they_are(org: Org) -> None:
    browser = org.visitor()
    address = sent(browser, "people", 'Employee ID,Name\n<b>"x",Ada\n7,Ben\n')
    assert "&lt;b&gt;" in browser.get(address).text
    browser.post(f"{address}/repair", data={"cell.3.0": "other", "cell.2.0": "1", "cell.2.9": "far", "cell.99.0": "x"})
    browser.post(f"{address}/people")
    assert [one["entityId"] for one in org.client().get("/v1/parties").json()["items"]] == ["1", "7"]


# --- whose it is


def test_an_upload_is_seen_by_its_sign_in_and_by_nobody_else(org: Org, app: Any, parts: Any) -> None:
    browser = org.visitor()
    address = sent(browser, "people", PEOPLE)
    others = [org.visitor(), org.visitor(member="second"), add_org(app, parts).visitor()]
    for other in others:
        for path in (address, f"{address}/columns", f"{address}/download"):
            assert other.get(path).status_code == 404
        for path in (f"{address}/columns", f"{address}/repair", f"{address}/people"):
            assert other.post(path).status_code == 404
    assert browser.get(address.replace("people", "recipients")).status_code == 404
    assert browser.get(address).status_code == 200


def test_who_signs_in_again_goes_on_where_they_were(org: Org) -> None:
    browser = org.visitor()
    address = sent(browser, "people", PEOPLE)
    assert org.visitor().get(address).status_code == 404
    browser.post("/sign-out")
    assert org.visitor().get(address).status_code == 200
    assert org.visitor(member="second").get(address).status_code == 404


def test_uploads_are_deleted_after_a_day(org: Org, worker: InProcessWorker) -> None:
    browser = org.visitor()
    address = sent(browser, "people", PEOPLE)
    with org.parts.database.transaction(None) as db:
        assert uploads.purge(db, clock.now() + timedelta(hours=23)) == 0
        uploads.purge(db, clock.now() + timedelta(hours=24, minutes=1))
    assert browser.get(address).status_code == 404
    with org.transaction() as db:
        assert db.scalar(select(func.count()).select_from(Upload)) == 0


def test_of_more_than_20_uploads_the_oldest_are_deleted(org: Org) -> None:
    browser = org.visitor()
    addresses = [sent(browser, "people", PEOPLE) for _ in range(21)]
    assert browser.get(addresses[0]).status_code == 404
    assert browser.get(addresses[1]).status_code == 200


def test_a_file_of_what_is_there_already_is_not_offered_as_new(org: Org) -> None:
    browser = org.visitor()
    browser.post(sent(browser, "people", "id,name\na,Ada\nb,Bo\n") + "/people")
    page = browser.get(sent(browser, "people", "id,name\na,Ada\nb,Bo\n")).text
    assert "Nothing would change: what the good rows say is there already." in page
    assert "Bring in" not in page
    assert "Bring in the good one" in browser.get(sent(browser, "people", "id,name\na,Ada\nb,Bob\n")).text


def test_the_cell_of_an_unknown_person_or_course_is_the_one_to_correct(org: Org) -> None:
    org.with_course(code="H2S", label="v1")
    org.with_parties("a")
    browser = org.visitor()
    file = "person,course,version,completed\nnsd-9999,H2S,,2024-01-01\na,NONE,,2024-01-01\na,H2S,v9,2024-01-01\n"
    page = browser.get(sent(browser, "records", file.replace("person", "partyId").replace("course", "courseCode"))).text
    assert {name.rpartition(".")[2]: value for name, value in inputs(page).items()} == {
        "0": "nsd-9999",
        "1": "NONE",
        "2": "v9",
    }
    assert 'value="nsd-9999" size="10"' in page


@pytest.mark.parametrize("language", ["en", "nb"])
def test_columns_that_are_not_clear_are_told_without_commands(org: Org, language: str) -> None:
    browser = org.visitor()
    browser.headers["Accept-Language"] = language
    for purpose, file in (("people", "x,y\n1,2\n"), ("recipients", "x\n1\n"), ("records", "partyId,y\n1,2\n")):
        page = browser.get(sent(browser, purpose, file)).text
        assert 'id="unclear"' in page
        assert "--map" not in page
        assert "?map" not in page
