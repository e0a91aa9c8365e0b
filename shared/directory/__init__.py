"""The directory: a synchronised copy of parties and folders, which another system owns.

Owns the tables `party`, `folder` and `folder_member`, the only tables with names and e-mail addresses. Promises that a
party is never removed, that a party outside a caller's folders does not exist for that caller, and that events about
parties hold ids and the names of fields, never their values.
"""

from shared.directory.actions import Synced, erase_party, lock_parties, put_folder, put_parties
from shared.directory.formats import MEDIA_TYPES, read_parties
from shared.directory.models import Folder, FolderMember, Party
from shared.directory.queries import (
    get_folder,
    get_party,
    in_folders,
    in_scope,
    is_known,
    list_folders,
    list_parties,
    missing_folders,
    name_of,
    recipients,
)
from shared.directory.schemas import MAX_PARTIES, BadRow, FolderAnswer, FolderRequest, PartyAnswer, PartyRow, SyncAnswer

__all__ = [
    "BadRow",
    "Folder",
    "FolderAnswer",
    "FolderMember",
    "FolderRequest",
    "MAX_PARTIES",
    "MEDIA_TYPES",
    "Party",
    "PartyAnswer",
    "PartyRow",
    "SyncAnswer",
    "Synced",
    "erase_party",
    "get_folder",
    "list_folders",
    "in_folders",
    "in_scope",
    "is_known",
    "lock_parties",
    "missing_folders",
    "name_of",
    "list_parties",
    "get_party",
    "put_folder",
    "put_parties",
    "read_parties",
    "recipients",
]
