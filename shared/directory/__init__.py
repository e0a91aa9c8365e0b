"""The directory: a synchronised copy of parties and folders, which another system owns.

Owns the tables `party`, `folder`, `folder_member`, the only tables with names and e-mail addresses, and `file_column`.
Promises that a party is never removed, that what a row does not mention stays as it is, that an erased
party stays erased, that a party outside a caller's folders does not exist for that caller, and that events about
parties hold ids and the names of fields, never their values.
"""

from shared.directory.actions import erase_party, lock_parties, put_folder
from shared.directory.columns import FIELDS
from shared.directory.file_columns import meanings_of_columns, remember_columns
from shared.directory.formats import Reading, read_parties
from shared.directory.models import Folder, FolderMember, Party
from shared.directory.queries import (
    as_choices,
    find_party,
    first_active_party,
    get_folder,
    get_party,
    in_folders,
    in_scope,
    inactive_among,
    is_known,
    list_folders,
    list_parties,
    missing_folders,
    name_of,
    names_of_members,
    names_of_parties,
    recipients,
)
from shared.directory.schemas import (
    MAX_PARTIES,
    BadRow,
    FileRow,
    FolderAnswer,
    FolderRequest,
    PartyAnswer,
    PartyRow,
    SyncAnswer,
    Warned,
)
from shared.directory.synchronising import Synced, put_parties

__all__ = [
    "find_party",
    "first_active_party",
    "as_choices",
    "BadRow",
    "FIELDS",
    "FileRow",
    "Folder",
    "FolderAnswer",
    "FolderMember",
    "FolderRequest",
    "MAX_PARTIES",
    "Party",
    "PartyAnswer",
    "PartyRow",
    "SyncAnswer",
    "Reading",
    "Synced",
    "Warned",
    "erase_party",
    "get_folder",
    "list_folders",
    "in_folders",
    "in_scope",
    "inactive_among",
    "is_known",
    "lock_parties",
    "meanings_of_columns",
    "missing_folders",
    "name_of",
    "names_of_members",
    "names_of_parties",
    "list_parties",
    "get_party",
    "put_folder",
    "put_parties",
    "read_parties",
    "remember_columns",
    "recipients",
]
