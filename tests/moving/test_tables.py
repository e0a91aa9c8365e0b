"""No table is forgotten: each that has a party's id is moved, or says why it keeps the old one."""

from collections.abc import Iterable

from sqlalchemy import MetaData, Table, Text, text

from shared import clock, services  # noqa: F401 - all tables are known
from shared.directory import Move
from shared.directory.models import ScimUser
from shared.services.moves import PARTS, STAYS
from shared.tables import metadata
from tests.assignments.asking import assign, body
from tests.drain import InProcessWorker
from tests.factories import Org
from tests.moving.moving import merge, renumber
from tests.records.importing import bring_in, record
from tests.sessions.sitting import add, completed, schedule

WITH_THE_PARTY = {"party": "the row itself", "folder_member": "moved with the row", "scim_user": "names"}

NO_PARTY = {"sign_in_issuer": "the name of a claim"}
"""Tables with a column whose name sounds like a party and is not."""


def with_a_party(tables: Iterable[Table]) -> set[str]:
    """The tables that refer to a party by a foreign key, or have a column that is named after one."""
    found = set()
    for table in tables:
        refers = any(key.column.table.name == "party" for key in table.foreign_keys)
        named = any("party" in one.name or one.name in ("receiver", "recipients", "entity_id") for one in table.columns)
        if refers or named:
            found.add(table.name)
    return found


def test_every_table_with_a_party_is_moved_or_says_why_it_stays() -> None:
    known = PARTS.keys() | STAYS.keys() | WITH_THE_PARTY.keys() | NO_PARTY.keys()
    assert with_a_party(metadata.tables.values()) - known == set()
    assert known - metadata.tables.keys() == set(), "a table that does not exist is named"


def test_the_search_finds_a_table_that_is_not_named() -> None:
    """A control: a made-up table is found, by its foreign key and by its column's name."""
    made_up = MetaData()
    from sqlalchemy import Column, ForeignKey

    Table("party", made_up, Column("id", Text, primary_key=True))
    by_key = Table("badge", made_up, Column("holder", Text, ForeignKey("party.id")))
    by_name = Table("visit", made_up, Column("party_id", Text))
    assert with_a_party([by_key, by_name]) == {"badge", "visit"}


def rows_with(org: Org, value: str) -> set[str]:
    """The tables of which some column of a row is this text, alone or in an array."""
    found = set()
    with org.transaction() as db:
        for table in metadata.tables.values():
            columns = [one.name for one in table.columns if isinstance(one.type, Text) and one.name != "display_name"]
            where = " OR ".join(f"{name} = :value" for name in columns)
            if (
                where
                and db.execute(text(f"SELECT FROM {table.name} WHERE {where}"), {"value": value}).first() is not None
            ):
                found.add(table.name)
    return found


def test_no_row_that_is_moved_has_the_old_id_afterwards(org: Org, worker: InProcessWorker) -> None:
    completed(org, worker, "old")
    org.with_parties("old", folder="deck")
    org.with_parties("other")
    assign(org, worker, body(org.with_course(), "old"))
    bring_in(org, worker, [record("old", org.with_course(), "2026-01-10", "2099-06-30")])
    add(org, schedule(org), "old")
    org.visitor(party="old")
    with org.transaction() as db:
        db.add(
            ScimUser(org_id=org.id, party_id="old", user_name="O@x.no", folded_name="o@x.no", updated_at=clock.now())
        )
    with org.transaction() as db:
        db.execute(
            text(
                "INSERT INTO delivery (org_id, channel, receiver, sequence, event_type, party_id, queued_at,"
                " next_attempt_at, created_at) SELECT org_id, 'email', party_id, sequence, type, party_id, now(),"
                " now(), now() FROM event WHERE org_id = :org AND party_id = 'old'"
            ),
            {"org": org.id},
        )
    org.client().post("/v1/packs", json={"filter": {"partyIds": ["old"]}, "on": "2026-01-01"})
    worker.drain(org.id)
    filled = rows_with(org, "old")
    assert PARTS.keys() | WITH_THE_PARTY.keys() <= filled, "the test must fill every table that is moved"
    renumber(org, worker, "old", "new")
    assert rows_with(org, "old") <= STAYS.keys()
    assert PARTS.keys() | WITH_THE_PARTY.keys() <= rows_with(org, "new")
    merge(org, worker, "new", "other")
    assert rows_with(org, "new") <= STAYS.keys()


def test_the_database_refuses_to_lose_what_was_forgotten(org: Org, worker: InProcessWorker) -> None:
    """A table with a foreign key that nobody moves keeps the party's row: the job fails, and nothing is changed."""
    import pytest

    from tests.moving.moving import carried_out, code, submit

    org.with_parties("old", "new")
    assign(org, worker, body(org.with_course(), "old"))
    with pytest.MonkeyPatch.context() as patched:
        forgotten = PARTS["assignment"]._replace(move=lambda db, move: nothing(move))
        patched.setitem(PARTS, "assignment", forgotten)
        job = submit(org, "old", "merge", into="new")
        assert carried_out(org, worker, job)["state"] == "failed"
        assert code(org, job).startswith("processing-")
    assert org.client().get("/v1/parties/old").status_code == 200


def nothing(_: Move) -> dict[str, object]:
    """Moves nothing, as if the table had been forgotten."""
    return {"ids": [], "closed": {}}
