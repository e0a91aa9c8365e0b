"""The directory: a synchronised copy of parties and folders, which another system owns.

Owns the tables `party`, `folder`, `folder_member`, `scim_user` and `former_party`, the only tables with names and
e-mail addresses, and `file_column`.
Promises that a party is never removed but at most moved to another id, that what a row does not mention stays as it is,
that an erased party stays erased, that a party outside a caller's folders does not exist for that caller, and that
events about parties hold ids and the names of fields, never their values.
"""

from shared.directory.actions import erase_party, lock_parties, put_folder
from shared.directory.columns import FIELDS
from shared.directory.file_columns import meanings_of_columns, remember_columns
from shared.directory.formats import Reading, read_parties
from shared.directory.former import (
    CURRENT,
    NOW,
    FormerParty,
    PartyRenumbered,
    current_ids,
    former_ids,
    free_ids,
    move_of,
    present_id,
)
from shared.directory.models import Folder, FolderMember, Party
from shared.directory.moving import Move, bring_back, copy_party, end_move, forget_copies, lock_move
from shared.directory.moving_schemas import EndedRecords, MergeRequest, MovedCounts, MovePreview, RenumberRequest
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
    names_of_folders,
    names_of_members,
    names_of_parties,
    need_not_former,
    recipients,
    unknown_among,
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
from shared.directory.scim.attributes import BadFilter
from shared.directory.scim.groups import (
    MAX_GROUP_MEMBERS,
    ScimGroup,
    change_group,
    create_group,
    find_groups,
    get_group,
    group_condition,
    hide_group,
)
from shared.directory.scim.members import Members
from shared.directory.scim.schemas import GroupRequest, Taken, UserRequest
from shared.directory.scim.user_filters import user_condition
from shared.directory.scim.users import ScimUserRow, change_user, create_user, find_users, get_user, hide_user
from shared.directory.statements import ids_in_any_case
from shared.directory.synchronising import Synced, put_parties

__all__ = [
    "present_id",
    "need_not_former",
    "CURRENT",
    "NOW",
    "FormerParty",
    "PartyRenumbered",
    "current_ids",
    "former_ids",
    "free_ids",
    "move_of",
    "Move",
    "bring_back",
    "copy_party",
    "end_move",
    "forget_copies",
    "lock_move",
    "EndedRecords",
    "MergeRequest",
    "MovedCounts",
    "MovePreview",
    "RenumberRequest",
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
    "ids_in_any_case",
    "in_folders",
    "in_scope",
    "inactive_among",
    "is_known",
    "lock_parties",
    "meanings_of_columns",
    "missing_folders",
    "name_of",
    "names_of_members",
    "names_of_folders",
    "names_of_parties",
    "list_parties",
    "get_party",
    "put_folder",
    "put_parties",
    "read_parties",
    "remember_columns",
    "recipients",
    "BadFilter",
    "GroupRequest",
    "MAX_GROUP_MEMBERS",
    "Members",
    "ScimGroup",
    "ScimUserRow",
    "Taken",
    "UserRequest",
    "change_group",
    "change_user",
    "create_group",
    "create_user",
    "find_groups",
    "find_users",
    "get_group",
    "get_user",
    "group_condition",
    "hide_group",
    "hide_user",
    "user_condition",
    "unknown_among",
]
