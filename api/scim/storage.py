"""The storage of scim2-server: resources of SCIM as users and groups of the directory.

Each operation, so also each one of a bulk request, is a transaction of its own.
"""

from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from pydantic import ValidationError
from scim2_models import InvalidFilterException, InvalidValueException, Meta, Resource, ResourceType, SearchRequest
from scim2_server.storage import ScimStorage, SearchPage
from sqlalchemy.orm import Session

from api.scim.models import MAX_RESULTS, Email, EnterpriseUser, Group, Manager, Member, Membership, User, UserModel
from api.scim.received import member_ids, said
from shared.directory import BadFilter, GroupRequest, Members, ScimGroup, ScimUserRow, UserRequest
from shared.services.scim import Opened

FIELDS = {
    "userName": "userName",
    "externalId": "externalId",
    "manager": "manager",
    "displayName": "displayName",
    "email": "emails",
    "active": "active",
    "timeZone": "timezone",
    "language": "preferredLanguage",
    "name": "displayName",
}
"""The attribute of SCIM for each field of the directory."""


class Storage(ScimStorage):
    """The directory of one organization, for one request.

    transaction: opens one. opened: the verb that opens the directory in it. writing: True to lock what is read.
    """

    def __init__(
        self,
        transaction: Callable[[], AbstractContextManager[Session]],
        opened: Callable[[Session], Opened],
        *,
        writing: bool,
    ) -> None:
        self._transaction, self._opened, self._writing = transaction, opened, writing
        self._directory: Opened | None = None

    @contextmanager
    def operation(self) -> Iterator[None]:
        """Enclose one operation in a transaction."""
        with self._transaction() as db:
            self._directory = self._opened(db)
            try:
                yield
            finally:
                self._directory = None

    @property
    def directory(self) -> Opened:
        """The directory in the transaction of this operation."""
        assert self._directory is not None, "outside of an operation"
        return self._directory

    def get(self, resource_type: ResourceType, resource_id: str, *, response_parameters: Any = None) -> Resource[Any]:
        """Return one resource. Of a group that is to be changed the members are not read."""
        if resource_type.name == "User":
            return user_of(self.directory.get_user(resource_id, lock=self._writing))
        members = not self._writing and wants_members(response_parameters)
        return group_of(self.directory.get_group(resource_id, members=members))

    def search(
        self,
        resource_types: list[ResourceType],
        search_request: SearchRequest[Any],
        *,
        position: Any = None,  # noqa: ARG002
    ) -> SearchPage:
        """Return a page of what a filter finds, users first."""
        start = search_request.start_index_0 or 0
        count = MAX_RESULTS if search_request.count is None else search_request.count
        node = search_request.filter.ast if search_request.filter else None
        found, total = list[Resource[Any]](), 0
        members = wants_members(search_request)
        try:
            for resource_type in resource_types:
                page = (max(0, start - total), max(0, count - len(found)))
                if resource_type.name == "User":
                    number, users = self.directory.find_users(node, DECLARED["User"], *page)
                    found += map(user_of, users)
                else:
                    number, groups = self.directory.find_groups(node, DECLARED["Group"], *page, members=members)
                    found += map(group_of, groups)
                total += number
        except BadFilter as error:
            raise said(InvalidFilterException, str(error)) from None
        return SearchPage(total, found)

    def create(self, resource_type: ResourceType, resource: Any) -> Resource[Any]:
        """Create a resource, or bring it back."""
        if resource_type.name == "User":
            given = {name: value for name, value in _user_fields(resource).items() if value is not None}
            given.setdefault("displayName", resource.user_name)
            return user_of(self.directory.create_user(_valid(UserRequest, given)))
        members = Members()
        if resource.members is not None:
            members = members.then("replace", ids_of(resource.members))
        group_id = self.directory.create_group(_group_request(resource), members)
        return group_of(self.directory.get_group(group_id, members=True))

    def update(
        self, resource_type: ResourceType, resource: Any, *, expected_version: str | None = None
    ) -> Resource[Any]:
        """Write the new state of a resource. Of a group the members stay; `write_group` changes them."""
        if resource_type.name == "Group":
            return self.write_group(resource, Members(), expected_version, members=True)
        given = _user_fields(resource)
        kept = {"active", "displayName"}  # cannot be cleared
        given = {name: value for name, value in given.items() if value is not None or name not in kept}
        expected = opaque(expected_version)
        return user_of(self.directory.change_user(resource.id, _valid(UserRequest, given), expected))

    def write_group(self, group: Any, change: Members, expected: str | None, *, members: bool) -> Resource[Any]:
        """Write the new state of a group and the change of its members. members: True to return them."""
        self.directory.change_group(group.id, _group_request(group), change, opaque(expected))
        return group_of(self.directory.get_group(group.id, members=members))

    def delete(self, resource_type: ResourceType, resource_id: str, *, expected_version: str | None = None) -> None:
        """Hide a resource: a user leaves, a group is emptied."""
        remove = self.directory.remove_user if resource_type.name == "User" else self.directory.remove_group
        remove(resource_id, opaque(expected_version))


def _declared(model: type[Resource[Any]], *besides: str) -> frozenset[str]:
    names = {str(field.serialization_alias or field.alias or name) for name, field in model.model_fields.items()}
    return frozenset(name.lower() for name in (*names, *besides))


DECLARED = {"User": _declared(User, "manager"), "Group": _declared(Group)}
"""The names of the attributes of each resource, in lower case. Others are in none of them."""


def opaque(version: str | None) -> str | None:
    """Returns a version as the directory knows it, without the quotes of an ETag."""
    return version.removeprefix("W/").strip('"') if version else None


def wants_members(parameters: Any) -> bool:
    """True if an answer with these `attributes` and `excludedAttributes` shows members of groups."""

    def names(paths: Collection[Any] | None) -> set[str]:
        return {str(path).lower().rpartition(":")[2] for path in paths or ()}

    if parameters is None:
        return True
    if parameters.attributes:
        return any(name.split(".")[0] == "members" for name in names(parameters.attributes))
    return "members" not in names(parameters.excluded_attributes)


def user_of(row: ScimUserRow) -> Resource[Any]:
    """Returns a user as a resource."""
    party, names = row.party, row.names
    user = UserModel(
        id=party.id,
        external_id=names.external_id if names else None,
        meta=Meta(
            resource_type="User", created=party.created_at, last_modified=row.changed_at, version=f'W/"{row.version}"'
        ),
        user_name=row.user_name,
        display_name=party.display_name,
        active=party.active,
        emails=[Email(value=party.email, type="work")] if party.email else None,
        preferred_language=party.language,
        timezone=party.time_zone,
        groups=[Membership(value=each, ref=f"Groups/{each}", display=name) for each, name in row.folders] or None,
    )
    if names and names.manager:
        user[EnterpriseUser] = EnterpriseUser(manager=Manager(value=names.manager))
    found: Resource[Any] = user
    return found


def group_of(group: ScimGroup) -> Resource[Any]:
    """Returns a group as a resource."""
    folder = group.folder
    return Group(
        id=folder.id,
        external_id=folder.external_id,
        meta=Meta(
            resource_type="Group",
            created=folder.created_at,
            last_modified=folder.updated_at,
            version=f'W/"{group.version}"',
        ),
        display_name=folder.name,
        members=[Member(value=each, ref=f"Users/{each}", type="User") for each in group.members or ()] or None,
    )


def ids_of(members: Collection[Member]) -> frozenset[str]:
    """Returns the ids of a group's members."""
    return member_ids([{"value": one.value, "type": one.type or "User"} for one in members])


def _user_fields(user: Any) -> dict[str, Any]:
    extension = user[EnterpriseUser]
    manager = extension.manager.value if extension is not None and extension.manager is not None else None
    return {
        "userName": user.user_name,
        "externalId": user.external_id,
        "manager": manager or None,
        "displayName": user.display_name,
        "email": _address(user.emails or ()),
        "active": user.active,
        "timeZone": user.timezone or None,
        "language": user.preferred_language or None,
    }


def _address(emails: Collection[Email]) -> str | None:
    """Returns the address of the party: that of the work, else the first."""
    given = [one for one in emails if one.value]
    given.sort(key=lambda one: (one.type or "").lower() != "work")
    return given[0].value if given else None


def _group_request(group: Any) -> GroupRequest:
    request: GroupRequest = _valid(GroupRequest, {"name": group.display_name, "externalId": group.external_id or None})
    return request


def _valid(model: Any, fields: dict[str, Any]) -> Any:
    """Returns a request of the directory. Raises InvalidValueException, which names the attribute."""
    try:
        return model.model_validate(fields)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = FIELDS.get(str(first["loc"][0]), "a value") if first["loc"] else "a value"
        message = first["msg"].removeprefix("Value error, ")
        raise said(InvalidValueException, f"{place}: {message[:1].lower()}{message[1:].rstrip('.')}.") from None
