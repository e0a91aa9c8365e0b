"""Files of records: what columns and cells are taken for, and what cannot be read."""

from datetime import date
from typing import Any

import pytest

from shared.access import Permission
from shared.errors import InvalidInput
from shared.licences import read_records
from shared.sheets import Body
from tests.drain import InProcessWorker
from tests.factories import Org
from tests.records.importing import bring_in_file, codes, licences, results

TODAY = date(2026, 3, 2)


def read(text: str | bytes, form: str = "text/csv", **fields: Any) -> Any:
    return read_records(Body(form, text if isinstance(text, bytes) else text.encode(), **fields), TODAY)


def refused(text: str, form: str = "text/csv", **fields: Any) -> str:
    with pytest.raises(InvalidInput) as error:
        read(text, form, **fields)
    return error.value.errors[0].detail


def test_a_german_spreadsheet_goes_in(oslo: Org, worker: InProcessWorker) -> None:
    oslo.with_course(code="H2S-01")
    text = (
        "Personalnr;Kurs;Abgeschlossen am;G\u00fcltig bis;Aussteller;Nummer;Abteilung\r\n"
        "a;H2S-01;1.6.2025;31.05.2027;T\u00dcV S\u00fcd;;Bohrung\r\n"
        ";;;;;;\r\n"
        "b;H2S-01;31.02.2025;;;;\r\n"
        "c;H2S-01;2025-06-01\r\n"
    )
    job = bring_in_file(oslo, worker, text.encode("cp1252"))
    assert codes(oslo, job) == ["recorded", "invalid-row", "recorded"]
    found = results(oslo, job)
    assert [(row, one["line"], one["entityId"]) for row, one in sorted(found.items())] == [
        (1, 2, "a"),
        (2, 4, "b"),
        (3, 5, "c"),
    ]
    assert found[2]["detail"].startswith("Abgeschlossen am: ")
    assert "31.02" not in found[2]["detail"]
    (licence,) = licences(oslo, partyId="a")
    assert (licence["issuer"], licence["number"], licence["expiresAt"]) == (
        "T\u00dcV S\u00fcd",
        None,
        "2027-05-31T22:00:00Z",
    )


def test_lines_of_json_go_in(oslo: Org, worker: InProcessWorker) -> None:
    course = oslo.with_course()
    good = f'{{"partyId": "a", "courseId": "{course}", "completedOn": "2025-06-01"}}'
    job = bring_in_file(oslo, worker, f"\ufeff{good}\n\n{{broken\n", "application/x-ndjson")
    found = results(oslo, job)
    assert [(one["code"], one["line"]) for _, one in sorted(found.items())] == [("recorded", 1), ("invalid-row", 3)]


@pytest.mark.parametrize(
    ("text", "form", "says"),
    [
        ("", "text/csv", "partyId"),
        ("partyId,courseCode\n", "text/csv", "completedOn"),
        ("partyId,completedOn\n", "text/csv", "courseCode or courseId"),
        ("partyId,partyId,courseCode,completedOn\n", "text/csv", "Columns 1 and 2 both are partyId"),
        ("partyId,courseCode,completedOn\n", "text/csv", "no record"),
        ("[]", "application/json", "one member"),
        ('{"records": 1}', "application/json", "array"),
        ('{"records": []}', "application/json", "no record"),
        ("{", "application/json", "not valid JSON"),
    ],
)
def test_what_is_no_file_of_records_is_refused_with_what_it_should_be(text: str, form: str, says: str) -> None:
    assert says in refused(text, form)


def test_rows_are_bounded() -> None:
    assert "at most 50,000" in refused("partyId,course,date\n" + "a,b,2025-01-01\n" * 50_001)


def test_columns_can_be_named(oslo: Org) -> None:
    text = "Badge,Course,Date\na,H2S,2025-01-01\n"
    assert "partyId" in refused(text)
    reading = read(text, now_said={"badge": "partyId"})
    assert reading.columns == {"Badge": "partyId", "Course": "courseCode", "Date": "completedOn"}
    assert reading.rows[0].party_id == "a"
    assert "no field" in refused(text, now_said={"badge": "who"})
    assert "no column" in refused(text, now_said={"bag": "partyId"})


def test_a_day_with_slashes_has_two_meanings_and_is_refused() -> None:
    (row,) = read("partyId,course,date\na,b,03/04/2025\n").rows
    assert (row.code, row.detail) == (
        "invalid-row",
        "date: must be a day, such as 2026-11-26; here nothing tells the day from the month.",
    )


def test_other_types_of_content_are_refused(oslo: Org) -> None:
    answer = oslo.client(Permission.ADMIN).post(
        "/v1/records", content=b"PK", headers={"Content-Type": "application/zip"}
    )
    assert (answer.status_code, answer.json()["type"]) == (415, "urn:rollcall:problem:unsupported-media-type")


def test_the_same_file_with_one_key_is_one_job_and_another_file_is_refused(oslo: Org) -> None:
    client, head = oslo.client(), {"Content-Type": "text/csv", "Idempotency-Key": "move-1"}
    sent = b"partyId,course,date\na,b,2025-01-01\n"
    first, again = (client.post("/v1/records", content=sent, headers=head) for _ in range(2))
    assert first.json()["id"] == again.json()["id"]
    assert again.headers["Idempotent-Replayed"] == "true"
    other = client.post("/v1/records", content=sent + b"c,b,2025-01-01\n", headers=head)
    confirmed = client.post("/v1/records?confirmOwnIssuer=true", content=sent, headers=head)
    assert [one.json()["type"].rpartition(":")[2] for one in (other, confirmed)] == ["idempotency-key-reused"] * 2
