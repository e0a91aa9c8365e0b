"""Bodies of clients put right before they are read: forms that Entra ID and Okta send and that no RFC knows.

Members of groups are taken out of a PATCH here and applied as sets: as values of a model, hundreds of operations on
thousands of members take seconds each.
"""

import re
from collections.abc import Callable, Sequence
from typing import Any

import orjson
from scim2_models import InvalidPathException, InvalidSyntaxException, InvalidValueException, SCIMException
from scim2_models import PayloadTooLargeException as TooLarge

from api.scim.models import ENTERPRISE, MAX_OPERATIONS
from shared.directory import MAX_GROUP_MEMBERS as MAX_MEMBERS
from shared.directory import Members

Body = dict[str, Any]

MAX_PATH = 1000
MAX_VALUES = 100
"""Upper bound of the values of one attribute of a user."""

_PRIMARY = re.compile(r'emails\[\s*primary\s+eq\s+"?true"?\s*\]', re.IGNORECASE)
_ONE_MEMBER = re.compile(r'members\[\s*value\s+eq\s+("(?:[^"\\]|\\.)*")\s*\]', re.IGNORECASE)
_MEMBERS = re.compile(r"(?:urn:ietf:params:scim:schemas:core:2\.0:group:)?members\b", re.IGNORECASE)


def said(kind: type[SCIMException], detail: str) -> SCIMException:
    """Returns an error whose detail is a sentence of ours, which quotes nothing."""
    error = kind(detail=detail)
    error.quotes_nothing = True  # type: ignore[attr-defined]
    return error


def parsed(body: bytes) -> Body:
    """Returns a body as JSON, read strictly."""
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise said(InvalidSyntaxException, "The body is not valid JSON.") from None
    if not isinstance(found, dict):
        raise said(InvalidSyntaxException, "The body must be a JSON object.")
    return found


def put_right(kind: str, body: Body) -> Body:
    """Returns a body that the models accept. kind: `User`, `UserPatch`, `Group`, `GroupPatch`, `Bulk` or another."""
    return _FORMS[kind](body) if kind in _FORMS else body


def _user(body: Body) -> Body:
    body = _flat(body)
    for name, value in body.items():
        if isinstance(value, list) and len(value) > MAX_VALUES:
            raise said(TooLarge, f"An attribute of a user may have {MAX_VALUES} values.")
        if name.lower() == "emails":
            body[name] = _primary_first(value)
        if name.lower() == ENTERPRISE.lower() and isinstance(value, dict):
            body[name] = {key: _manager(key, each) for key, each in value.items()}
    by_name = {name.lower(): name for name in body}
    if not body.get(by_name.get("displayname", "")):
        called = _called(body.get(by_name.get("name", "")))
        if called:
            body[by_name.get("displayname", "displayName")] = called
    language = by_name.get("preferredlanguage")
    if language and isinstance(body[language], str):
        body[language] = _language(body[language])
    return body


def new_user(body: Body) -> Body:
    """Returns the body of a new user, who is called by the user name if there is no other name."""
    body = _user(body)
    by_name = {name.lower(): name for name in body}
    if not body.get(by_name.get("displayname", "")):
        body[by_name.get("displayname", "displayName")] = body.get(by_name.get("username", ""))
    return body


def _user_patch(body: Body) -> Body:
    operations = _operations(body)
    if len(operations) > MAX_OPERATIONS:
        raise said(TooLarge, f"The PATCH of a user may have {MAX_OPERATIONS} operations.")
    return _with_operations(body, [_user_operation(each) for one in operations for each in _by_path(one)])


def _by_path(one: Body) -> list[Body]:
    """Returns an operation, and one more for each path with a filter that is a name in its value."""
    value = one.get("value")
    if one.get("path") is not None or not isinstance(value, dict):
        return [one]
    paths = [name for name in value if "[" in name]
    rest = {name: each for name, each in value.items() if name not in paths}
    return [one | {"value": rest}, *({"op": one.get("op"), "path": name, "value": value[name]} for name in paths)]


def _user_operation(one: Body) -> Body:
    path, value = one.get("path"), one.get("value")
    if isinstance(value, list) and len(value) > MAX_VALUES:
        raise said(TooLarge, f"An attribute of a user may have {MAX_VALUES} values.")
    if isinstance(path, str):
        path = _PRIMARY.sub('emails[type eq "work"]', path)
        if path.lower() == "emails":
            value = _primary_first(value)
        if path.lower() in (f"{ENTERPRISE}:manager".lower(), "manager"):
            value = _manager("manager", value)
        elif path.lower() == "preferredlanguage" and isinstance(value, str):
            value = _language(value)
    elif isinstance(value, dict):
        value = _user({key: each for key, each in value.items() if key.lower() != "name"})
    return one | {name: each for name, each in (("path", path), ("value", value)) if name in one}


def _primary_first(emails: Any) -> Any:
    """Returns addresses with only the primary one, as that of the work, if one is primary."""
    given = emails if isinstance(emails, list) else []
    primary = [each for each in given if isinstance(each, dict) and each.get("primary") in (True, "True", "true")]
    return [{"value": primary[0].get("value"), "type": "work"}] if primary else emails


def _flat(body: Body) -> Body:
    """Returns a user whose manager, if its name stands beside the schema's and not inside, is inside."""
    dotted = [name for name in body if name.lower().startswith(f"{ENTERPRISE.lower()}:")]
    if not dotted:
        return dict(body)
    kept = {name: value for name, value in body.items() if name not in dotted}
    inside = {name[len(ENTERPRISE) + 1 :]: body[name] for name in dotted}
    return kept | {ENTERPRISE: (kept.get(ENTERPRISE) or {}) | inside}


def _manager(name: str, value: Any) -> Any:
    """Returns a manager that was sent as a bare id as the attribute that it should be. An empty one is none."""
    if name.lower() != "manager" or not isinstance(value, str):
        return value
    return {"value": value} if value else None


def _called(name: Any) -> str | None:
    if not isinstance(name, dict):
        return None
    parts = {str(key).lower(): each.strip() for key, each in name.items() if isinstance(each, str)}
    full = parts.get("formatted") or " ".join(filter(None, (parts.get("givenname"), parts.get("familyname"))))
    return full or None


def _language(value: str) -> str | None:
    """Returns the first language of a list such as `en-US,en;q=0.5`, also of one written `en_US`."""
    return value.split(",")[0].split(";")[0].strip().replace("_", "-") or None


# --- groups


def split(body: Body) -> tuple[Members, Body | None]:
    """Returns what the PATCH of a group does to its members, and the PATCH without that; None if nothing is left."""
    members, rest = Members(), list[Body]()
    for one in _operations(body):
        found, left = _member_operation(one, members)
        members = found
        if left is not None:
            rest.append(left)
    if len(members) > MAX_MEMBERS:
        raise said(TooLarge, f"One PATCH may name {MAX_MEMBERS} members; send several.")
    return members, _with_operations(body, rest) if rest else None


def _member_operation(one: Body, members: Members) -> tuple[Members, Body | None]:
    op, path, value = str(one.get("op")).lower(), one.get("path"), one.get("value")
    if path is None or path == "":
        if isinstance(value, dict) and op in ("add", "replace"):
            named = [key for key in value if _MEMBERS.fullmatch(key)]
            for key in named:
                members = members.then(op, member_ids(value[key]))
            left = {key: each for key, each in value.items() if key not in named and key.lower() != "id"}
            return members, one | {"value": left} if left else None
        return members, one
    if not isinstance(path, str) or not _MEMBERS.match(path):
        return members, one
    if _MEMBERS.fullmatch(path) and op in ("add", "replace", "remove"):
        return members.then(op, None if op == "remove" and "value" not in one else member_ids(value)), None
    selected = _ONE_MEMBER.fullmatch(path)
    if selected and op == "remove":
        return members.then(op, member_ids(orjson.loads(selected[1]))), None
    raise said(InvalidPathException, 'Members are changed by the path members, or removed by members[value eq "..."].')


def member_ids(value: Any) -> frozenset[str]:
    """Returns the ids of members that a client names: objects with a value, or bare ids, alone or as a list."""
    given = value if isinstance(value, list) else [] if value is None else [value]
    if len(given) > MAX_MEMBERS:
        raise said(TooLarge, f"One request may name {MAX_MEMBERS} members; send several.")
    named = [each.get("value") if isinstance(each, dict) else each for each in given]
    ids = [each for each in named if isinstance(each, str) and each]
    if len(ids) < len(named):
        raise said(InvalidValueException, "Each member needs a value: the id of a user.")
    if any(isinstance(each, dict) and str(each.get("type", "User")).lower() != "user" for each in given):
        raise said(InvalidValueException, "Members are users; a group cannot be a member of a group.")
    return frozenset(ids)


def _group_patch(body: Body) -> Body:
    """Returns a PATCH in a bulk request, whose lists of members to remove are an operation for each."""
    operations = list[Body]()
    for one in _operations(body):
        path, value = one.get("path"), one.get("value")
        removes = str(one.get("op")).lower() == "remove" and isinstance(path, str) and _MEMBERS.fullmatch(path)
        if removes and value is not None:
            named = sorted(member_ids(value))
            quoted = (orjson.dumps(each).decode() for each in named)
            operations += [{"op": "remove", "path": f"members[value eq {each}]"} for each in quoted]
        else:
            operations.append(one)
    if len(operations) > MAX_MEMBERS:
        raise said(TooLarge, f"One PATCH may name {MAX_MEMBERS} members; send several.")
    return _with_operations(body, operations)


def _bulk(body: Body) -> Body:
    name = next((key for key in body if key.lower() == "operations"), None)
    if name is None or not isinstance(body[name], list):
        return body
    if len(body[name]) > MAX_OPERATIONS:
        raise said(TooLarge, f"A bulk request may have {MAX_OPERATIONS} operations.")
    return body | {name: [_bulk_operation(one) if isinstance(one, dict) else one for one in body[name]]}


def _bulk_operation(one: Body) -> Body:
    method, path, data = str(one.get("method")).upper(), str(one.get("path")), one.get("data")
    if not isinstance(data, dict):
        return one
    noun = {"users": "User", "groups": "Group"}.get(path.strip("/").split("/")[0].lower(), "")
    if method == "POST" and noun == "User":
        return one | {"data": new_user(data)}
    return one | {"data": put_right(f"{noun}Patch" if method == "PATCH" else noun, data)}


def _operations(body: Body) -> Sequence[Body]:
    found = next((value for key, value in body.items() if key.lower() == "operations"), None)
    if not isinstance(found, list) or not found or not all(isinstance(one, dict) for one in found):
        raise said(InvalidSyntaxException, "A PATCH needs Operations: a list of objects.")
    if len(found) > MAX_MEMBERS:
        raise said(TooLarge, f"A PATCH may have {MAX_MEMBERS} operations.")
    for one in found:
        if isinstance(one.get("path"), str) and len(one["path"]) > MAX_PATH:
            raise said(InvalidPathException, f"A path may have {MAX_PATH} characters.")
    return [{key if key == "$ref" else key.lower(): value for key, value in one.items()} for one in found]


def _with_operations(body: Body, operations: list[Body]) -> Body:
    return {key: value for key, value in body.items() if key.lower() != "operations"} | {"Operations": operations}


_FORMS: dict[str, Callable[[Body], Body]] = {
    "User": _user,
    "UserPatch": _user_patch,
    "GroupPatch": _group_patch,
    "Bulk": _bulk,
}
