"""The CSV that PostgreSQL writes is the CSV that Python would write, byte by byte, whatever texts and filters.

Workbooks are made of the same rows.
"""

import itertools
from typing import Any

import pytest
from sqlalchemy import text

from api.http import accepted
from api.http.lists import Asked
from tests.assignments.asking import assign, body, parties
from tests.drain import InProcessWorker
from tests.factories import Org
from tests.workbooks import cells

CSV, XLSX = {"Accept": accepted.CSV}, {"Accept": accepted.XLSX}
TEXTS = (
    "plain",
    "=SUM(1)",
    "'=quoted",
    "''+twice",
    "'plain quoted",
    "-1",
    "@a",
    "\ttab",
    "\rreturn",
    'a "b", c',
    '"',
    '"=1"',
    "two\nlines",
    "two\r\nlines\n",
    ",",
    "",
    " ",
    "\\.",
    "\\N",
    "%(org)s 100 %",
    "é ü 漢 \U0001f600",
    "\u2028",
    "x'=",
)

FILL = """
    UPDATE assignment SET reason = :reason,
        due_on = CASE WHEN :n % 7 > 1 THEN date '2026-01-01' + :n % 5 END,
        assigned_at = timestamptz '2026-03-01T12:00:00.5+01' + :n * interval '1 hour',
        state = :state,
        completed_at = CASE :state WHEN 'completed' THEN timestamptz '2026-03-02T00:00:00Z' END,
        completion_method = CASE :state WHEN 'completed' THEN 'on_behalf' END,
        completed_by_type = CASE :state WHEN 'completed' THEN 'member' END,
        completed_by_id = CASE :state WHEN 'completed' THEN '-m' END,
        occurred_on = CASE :state WHEN 'completed' THEN date '2026-03-01' END,
        completion_note = CASE :state WHEN 'completed' THEN :reason END,
        link_minted_by = CASE WHEN :state = 'completed' AND :n % 2 = 0 THEN '-minter' END,
        closed_at = CASE :state WHEN 'closed' THEN timestamptz '2026-03-02T00:00:00.000001Z' END,
        closed_by_type = CASE :state WHEN 'closed' THEN 'member' END,
        closed_by_id = CASE :state WHEN 'closed' THEN 'm' END,
        closure_reason = CASE :state WHEN 'closed' THEN :reason END,
        reassigned_to = CASE WHEN :state = 'closed' AND :n % 2 = 0 THEN id END
    WHERE party_id = :party"""


@pytest.fixture
def odd(org: Org, worker: InProcessWorker) -> Org:
    """An organization with an assignment for each text in each state."""
    everybody = [f"-{one}" if n % 5 == 0 else one for n, one in enumerate(parties(3 * len(TEXTS)))]
    org.with_parties(*everybody, folder="crew")
    assign(org, worker, body(org.with_course(title='=HYPERLINK("evil")'), *everybody))
    with org.transaction() as db:
        cases = itertools.product(TEXTS, ("assigned", "completed", "closed"))
        for n, (party, (given, state)) in enumerate(zip(everybody, cases, strict=True)):
            db.execute(text(FILL), {"n": n, "reason": given, "state": state, "party": party})
            db.execute(text("UPDATE party SET display_name = :name WHERE id = :id"), {"name": given, "id": party})
    return org


QUERIES = (
    "",
    "sort=due",
    "state=completed",
    "folderId=crew",
    "folderId=crew&sort=due",
    "overdue=true",
    "overdue=false",
)


PAGE = Asked.page


@pytest.mark.parametrize("query", QUERIES)
@pytest.mark.parametrize("size", [7, 5000])
def test_postgresql_writes_the_csv_that_python_would_write(
    odd: Org, query: str, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.http.lists.COPIED", size)
    for client in (odd.client(), odd.client(folders=["crew"])):
        copied = client.get(f"/v1/assignments?{query}", headers=CSV).content
        with monkeypatch.context() as patch:
            patch.setattr(Asked, "page", lambda *given, exported, **named: PAGE(*given, **named))
            written = client.get(f"/v1/assignments?{query}", headers=CSV).content
            rows = client.get(f"/v1/assignments?{query}", headers=XLSX).content
        assert copied == written
        assert cells(client.get(f"/v1/assignments?{query}", headers=XLSX).content) == cells(rows)
        assert copied.count(b"\r\n") > 1 or "none" in query


def test_the_copied_form_is_the_one_that_is_sent(odd: Org, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise AssertionError("a row was written by Python")

    monkeypatch.setattr("api.http.lists.record_of", refuse)
    assert odd.client().get("/v1/assignments", headers=CSV).content.count(b"-minter") > 5
