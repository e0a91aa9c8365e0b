"""The remembered fields of the columns of an organization's files. Nothing of their rows is stored."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from shared.database import current_org
from shared.directory.columns import FIELDS
from shared.directory.models import FileColumn
from shared.sheets import Fields, column_key, refused


def meanings_of_columns(db: Session, fields: Fields) -> dict[str, str | None]:
    """Returns the remembered field of each column, by the key of its name; None: it is ignored. fields: of the noun."""
    begin = _begin(fields)
    found = select(FileColumn.name, FileColumn.field).where(
        FileColumn.org_id == current_org(db), FileColumn.name.startswith(begin, autoescape=True)
    )
    return {row.name.removeprefix(begin): row.field for row in db.execute(found)}


def remember_columns(db: Session, fields: Fields, said: Mapping[str, str | None], now: datetime) -> None:
    """Remember what columns mean. said: field, or None to ignore it, by a column's name. Raises InvalidInput.

    fields: of the noun; another field is refused.
    """
    if unknown := fields.unknown(said):
        raise refused(unknown)
    begin = _begin(fields)
    keys = {column_key(name): field for name, field in said.items()}
    rows = [
        {"org_id": current_org(db), "name": begin + name[:200], "field": field, "updated_at": now}
        for name, field in sorted(keys.items())
    ]
    if rows:
        written = insert(FileColumn).values(rows)
        changed = {"field": written.excluded.field, "updated_at": now}
        db.execute(written.on_conflict_do_update(index_elements=[FileColumn.org_id, FileColumn.name], set_=changed))


def _begin(fields: Fields) -> str:
    """Returns the beginning of the names of a noun's columns. No key of a column has a colon in it."""
    return "" if fields is FIELDS else f"{fields.several}:"
