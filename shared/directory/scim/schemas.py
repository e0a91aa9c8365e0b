"""Users and groups as a SCIM client describes them, in the directory's terms."""

from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints

from shared.directory.schemas import Email, TimeZone
from shared.errors import Conflict
from shared.wire import Language, Line, Received, composed, storable

Name = Annotated[
    str, StringConstraints(min_length=1, max_length=255), AfterValidator(storable), AfterValidator(composed)
]
"""A name that belongs to the client and is kept as it was sent."""


class Taken(Conflict):
    """Another user or group has the name or the id already, or an erased party had it."""


class UserRequest(Received):
    """A user. A field that is left out stays as it is; of a new party it takes the default.

    display_name: required for a new party. user_name, external_id, manager: kept as sent.
    """

    user_name: Name
    external_id: Name | None = None
    manager: Name | None = None
    display_name: Line = ""
    email: Email | None = None
    active: bool = True
    time_zone: TimeZone | None = None
    language: Language | None = None


class GroupRequest(Received):
    """A group without its members."""

    name: Line
    external_id: Name | None = Field(default=None)
