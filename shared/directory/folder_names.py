"""Folders as files name them: by id, or by the name that people know."""

import hashlib
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from shared.directory import statements
from shared.directory.schemas import FileRow, PartyRow
from shared.wire import may_be_new_id

AMBIGUOUS = "Several folders have this name; write the folder's id."

_NOT_OF_IDS = re.compile(r"[^A-Za-z0-9._:-]+")


@dataclass(frozen=True)
class Folders:
    """The folders of rows. ids: by party, of the rows that mention folders. names: of folders, by id.

    refused: by party, why its folders cannot be told.
    """

    ids: dict[str, set[str]]
    names: dict[str, str]
    refused: dict[str, str]


def resolve(db: Session, rows: Sequence[PartyRow]) -> Folders:
    """Returns the folders that the rows mean; it creates none.

    In JSON each is an id. In a file a text means the folder with that id, else the folder with that name, else a new
    folder: with the text as its id if it has the form of one, and otherwise with an id made of the name.
    """
    given = {row.entity_id: names for row in rows if (names := row.folder_names()) is not None}
    files = {row.entity_id for row in rows if isinstance(row, FileRow)}
    texts = sorted({text for party_id in given.keys() & files for text in given[party_id]})
    known = _Known(statements.names_of_folders(db) if texts else {})
    meant = {text: known.meant(text) for text in texts}
    refused = {
        party_id: AMBIGUOUS for party_id in given.keys() & files if any(meant[text] is None for text in given[party_id])
    }
    ids = {
        party_id: {found for text in names if (found := meant[text] if party_id in files else text) is not None}
        for party_id, names in given.items()
        if party_id not in refused
    }
    return Folders(ids, known.made, refused)


class _Known:
    """The folders that exist, and those that a file is about to make. made: names of the latter, by id."""

    def __init__(self, names: dict[str, str]) -> None:
        self._ids = set(names)
        self._by_name: dict[str, list[str]] = {}
        self.made: dict[str, str] = {}
        for folder_id, name in names.items():
            self._by_name.setdefault(_key(name), []).append(folder_id)

    def meant(self, text: str) -> str | None:
        """Returns the id of the folder that a text means, and notes it if it is new; None if several have the name."""
        if text in self._ids:
            return text
        same = self._by_name.get(_key(text), [])
        if same:
            return same[0] if len(same) == 1 else None
        made = text if may_be_new_id(text) else self._new_id(text)
        self._ids.add(made)
        self._by_name[_key(text)] = [made]
        self.made[made] = text
        return made

    def _new_id(self, name: str) -> str:
        """Returns an id made of a name: its Latin letters and digits, and a hash where that is not enough."""
        plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
        made = _NOT_OF_IDS.sub("-", plain).strip("-.").lower()[:64]
        if made and made not in self._ids:
            return made
        return f"{made[:50] or 'folder'}-{hashlib.sha256(_key(name).encode()).hexdigest()[:12]}"


def _key(name: str) -> str:
    """Returns the form in which names of folders are compared: without letter case, and with single blanks."""
    return " ".join(unicodedata.normalize("NFC", name).casefold().split())
