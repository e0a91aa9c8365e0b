"""The transcript: all that was completed and held, in sentences, as JSON, CSV and PDF; the history of a licence."""

import csv
import io
from datetime import date, timedelta
from typing import Any

import pytest

from shared.access import Permission
from shared.clock import now
from tests.assignments.links import assign
from tests.drain import InProcessWorker
from tests.factories import Org, count_statements
from tests.papers.reading import read_pdf
from tests.verification.holding import GRANTED_AT, NAME, PARTY, Held, hold

PDF = {"Accept": "application/pdf"}
CSV = {"Accept": "text/csv"}


@pytest.fixture
def held(org: Org, worker: InProcessWorker) -> Held:
    return hold(org, worker)


def transcript(held: Held, **headers: str) -> Any:
    return held.org.client().get(f"/v1/parties/{PARTY}/transcript", headers=headers)


def correct(held: Held, **changes: Any) -> None:
    answer = held.org.client(member="hse-1").patch(f"/v1/licences/{held.id}", json=changes)
    assert answer.status_code == 200, answer.text


def corrected_and_revoked(held: Held) -> None:
    """Correct the end and the note of a licence, then revoke it."""
    held.change(
        expires_at=now().replace(month=6, day=1, hour=9, minute=30, second=0, microsecond=0) + timedelta(days=800)
    )
    correct(held, expiresAt="2031-07-01T00:00:00Z", note="marked other note", reason="Typing error %(former)s")
    held.org.client(member="hse-2").post(f"/v1/licences/{held.id}/revoke", json={"reason": "Left the <b>site</b>"})


def test_it_has_every_completed_assignment_and_every_licence(held: Held, worker: InProcessWorker) -> None:
    assign(held.org, worker, held.org.with_course(title="Never completed"), PARTY)
    found = transcript(held).json()
    assert found["party"] == {"entityType": "party", "entityId": PARTY, "displayName": NAME}
    assert (found["organization"], found["timeZone"], found["language"]) == ("Test", "UTC", "en")
    (done,) = found["assignments"]
    assert (done["courseTitle"], done["versionLabel"], done["method"]) == (
        "Hydrogen-sulfide response",
        "v3.2",
        "on_behalf",
    )
    assert done["by"] == {"type": "member", "id": "member-1"}
    assert done["text"].endswith("member-1 recorded it on the person's behalf.")
    licences = {one["id"]: one for one in found["licences"]}
    one = licences[str(held.id)]
    assert one["text"].startswith("Granted on 31 January 2026, 09:30 (UTC), valid until")
    assert (one["state"], one["source"], one["corrections"]) == ("active", "assignment", [])


def test_corrections_are_sentences_with_who_when_why_and_the_former_value(held: Held) -> None:
    corrected_and_revoked(held)
    (one,) = [each for each in transcript(held).json()["licences"] if each["id"] == str(held.id)]
    changed, revoked = one["corrections"]
    assert changed["by"] == {"type": "member", "id": "hse-1"}
    assert changed["former"]["expiresAt"].endswith("09:30:00Z")
    assert changed["former"]["validFrom"] is None
    assert changed["expiresAt"] == "2031-07-01T00:00:00Z"
    year = date.fromisoformat(changed["former"]["expiresAt"][:10]).year
    assert "hse-1 corrected the end from" in changed["text"]
    assert f"{year}, 09:30 (UTC) to 30 June 2031." in changed["text"]
    assert "hse-1 corrected the note." in changed["text"]
    assert changed["text"].endswith("Reason: Typing error %(former)s")
    assert "marked" not in str(one)
    assert revoked["text"].startswith("On ")
    assert (
        "hse-2 revoked the licence for good. Before, it was in force. Reason: Left the <b>site</b>" in revoked["text"]
    )
    assert (revoked["former"]["state"], one["state"]) == ("active", "revoked")
    history = held.org.client().get(f"/v1/licences/{held.id}/history").json()
    assert history == {"items": one["corrections"]}


def test_a_record_says_its_issuer_and_never_that_it_was_earned_here(held: Held) -> None:
    fields = {"assignment_id": None, "record_key": "K-17", "completed_on": date(2024, 3, 2), "issuer": "Falck Safety"}
    held.change(**fields)
    found = transcript(held).json()
    (one,) = [each for each in found["licences"] if each["id"] == str(held.id)]
    assert (one["source"], one["issuer"], one["number"]) == ("record", "Falck Safety", "K-17")
    assert one["text"].startswith(
        "Earned elsewhere or before, and recorded by Test. Issuer: Falck Safety. Completed on 2 March 2024, recorded on"
    )
    assert "Granted" not in one["text"]
    paper = " ".join(read_pdf(transcript(held, **PDF)).text.split())
    assert "Earned elsewhere or before, and recorded by Test. Issuer: Falck Safety." in paper
    assert "Number K-17" in paper
    rows = list(csv.DictReader(io.StringIO(transcript(held, **CSV).text)))
    (row,) = [each for each in rows if each["id"] == str(held.id)]
    assert (row["source"], row["issuer"], row["number"], row["on"]) == ("record", "Falck Safety", "K-17", "2024-03-02")


def test_the_csv_has_a_row_for_each_assignment_licence_and_correction(held: Held) -> None:
    corrected_and_revoked(held)
    held.org.client().patch(f"/v1/courses/{held.course_id}", json={"title": "=cmd()"})
    answer = transcript(held, **CSV)
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="transcript.csv"'
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    about = [row for row in rows if row["kind"] == "assignment" or row["id"] == str(held.id)]
    assert [row["kind"] for row in about] == ["assignment", "licence", "correction", "correction"]
    assert {row["courseTitle"] for row in rows} == {"Hydrogen-sulfide response"}, "as it was when it was published"
    assert (about[2]["by"], about[2]["expiresAt"], about[3]["formerState"]) == (
        "hse-1",
        "2031-07-01T00:00:00Z",
        "active",
    )
    marked = held.org.client().get(f"/v1/parties/{PARTY}/transcript", headers={"Accept": "text/csv; header=bom"})
    assert marked.text.startswith("\ufeffkind,")


def test_the_pdf_has_all_of_it_and_is_tagged(held: Held) -> None:
    corrected_and_revoked(held)
    paper = read_pdf(transcript(held, **PDF))
    text = " ".join(paper.text.split())
    for one in (
        NAME,
        f"Number {PARTY}",
        "Hydrogen-sulfide response",
        "hse-1 corrected the end",
        "<b>site</b>",
        "Revoked",
    ):
        assert one in text
    assert paper.title == f"Transcript - {NAME}"
    assert (paper.tagged, paper.language) == (True, "en")
    assert "pdfuaid" in paper.standards


def test_it_is_in_the_language_of_the_party(held: Held) -> None:
    corrected_and_revoked(held)
    row = {"entityId": PARTY, "displayName": NAME, "language": "nb"}
    held.org.client().put("/v1/parties", json={"parties": [row]})
    found = transcript(held).json()
    assert found["language"] == "nb"
    texts = [
        found["assignments"][0]["text"],
        *(each["text"] for one in found["licences"] for each in one["corrections"]),
    ]
    assert all(" rettet " in text or "tilbakekalte" in text or text.startswith("Fullført") for text in texts), texts
    paper = read_pdf(transcript(held, **PDF))
    assert (paper.language, "Opplæringsoversikt" in paper.text) == ("nb", True)


def test_the_number_of_statements_does_not_grow_with_what_is_on_record(held: Held, worker: InProcessWorker) -> None:
    def statements() -> int:
        with count_statements(held.org.parts.database.engine) as counted:
            assert transcript(held).status_code == 200
        return counted.count

    before = statements()
    for label in ("a", "b", "c"):
        course_id = held.org.with_course(title=f"Course {label}", label=label)
        done = assign(held.org, worker, course_id, PARTY)
        held.org.client().post(f"/v1/assignments/{done}/complete")
    corrected_and_revoked(held)
    assert len(transcript(held).json()["assignments"]) == 4
    assert statements() == before


def test_training_view_in_scope_and_the_party_itself_may_read_it(held: Held, other_org: Org) -> None:
    def statuses(org: Org, *permissions: Permission, **caller: Any) -> tuple[int, int]:
        client = org.stranger()
        client.headers["Authorization"] = f"Bearer {org.token(*permissions, **caller)}"
        addresses = (f"/v1/parties/{PARTY}/transcript", f"/v1/licences/{held.id}/history")
        first, second = (client.get(address).status_code for address in addresses)
        return first, second

    assert statuses(held.org, Permission.VIEW) == (200, 200)
    assert statuses(held.org, Permission.VIEW, folders=["crew"]) == (200, 200)
    assert statuses(held.org, Permission.VIEW, folders=["office"]) == (404, 404)
    assert statuses(held.org, Permission.ASSIGN) == (403, 403)
    assert statuses(held.org) == (403, 403)
    assert statuses(held.org, party="crew-2") == (403, 403)
    assert statuses(held.org, party=PARTY, folders=["office"]) == (200, 200)
    assert statuses(other_org, Permission.VIEW) == (404, 404)


def test_a_party_reads_its_own_and_a_member_without_one_has_none(held: Held) -> None:
    own = held.org.stranger()
    own.headers["Authorization"] = f"Bearer {held.org.token(party=PARTY)}"
    mine = own.get("/v1/me/transcript").json()
    assert mine["party"]["entityId"] == PARTY
    assert mine["licences"] == transcript(held).json()["licences"]
    assert NAME in read_pdf(own.get("/v1/me/transcript", headers=PDF)).text
    assert held.org.stranger().get("/v1/me/transcript").status_code == 404


def test_nothing_on_record_is_a_paper_too(org: Org) -> None:
    org.with_parties("crew-5")
    answer = org.client().get("/v1/parties/crew-5/transcript")
    assert (answer.json()["assignments"], answer.json()["licences"]) == ([], [])
    paper = read_pdf(org.client().get("/v1/parties/crew-5/transcript", headers=PDF))
    assert "Nothing was completed." in paper.text
    assert org.client().get("/v1/parties/nobody/transcript").status_code == 404
    assert GRANTED_AT.year == 2026
