"""The directory as SCIM sees it (RFC 7643): users are parties, groups are folders.

Owns the table `scim_user` and two columns of `folder`. Parties and folders themselves are written as everywhere: a user
by `put_parties`, members of a group as sets. What a client has deleted does not exist for clients from then on.
"""

from shared.directory.scim.filters import BadFilter
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
from shared.directory.scim.users import (
    ScimUserRow,
    change_user,
    create_user,
    find_users,
    get_user,
    hide_user,
)

__all__ = [
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
]
