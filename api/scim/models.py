"""Users and groups as SCIM resources, and what this service says about itself.

Only attributes that the directory keeps are declared, so that `/Schemas` promises nothing else.
Everything else that a client sends is dropped while it is read.
"""

from functools import cached_property
from typing import Annotated, Any

from pydantic import Field
from scim2_models import (
    URN,
    AuthenticationScheme,
    Bulk,
    CaseExact,
    ChangePassword,
    ComplexAttribute,
    ETag,
    Extension,
    Filter,
    Mutability,
    Pagination,
    Patch,
    Reference,
    Required,
    Resource,
    ResourceType,
    Schema,
    SchemaExtension,
    ScimPolicy,
    ScimProvider,
    ServiceProviderConfig,
    Sort,
    Uniqueness,
)

from api.http.dependencies import MAX_BODY_BYTES

MAX_OPERATIONS = 1000
"""Upper bound of operations in a bulk request, and in the PATCH of a user."""
MAX_RESULTS = 500
PAGE = 100
"""Resources in a page of a list whose client does not say how many it wants."""

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"


class Email(ComplexAttribute):
    """An e-mail address. A party has one, so there is no `primary`: what is sent as primary is put first."""

    value: str | None = None
    type: Annotated[str | None, Field(examples=["work"])] = None


class Membership(ComplexAttribute):
    """A group of a user."""

    value: Annotated[str | None, Mutability.read_only, CaseExact.true] = None
    ref: Annotated[
        Reference["Group"] | None,
        Mutability.read_only,
    ] = Field(None, serialization_alias="$ref", validation_alias="$ref")
    display: Annotated[str | None, Mutability.read_only] = None


class Manager(ComplexAttribute):
    """The manager, kept as sent."""

    value: Annotated[str | None, CaseExact.true] = None


class EnterpriseUser(Extension):
    """The part of the enterprise extension that is kept."""

    __schema__ = URN(ENTERPRISE)

    manager: Manager | None = None


class User(Resource[Any]):
    """A party."""

    __schema__ = URN("urn:ietf:params:scim:schemas:core:2.0:User")

    user_name: Annotated[str | None, Required.true, Uniqueness.server] = None
    display_name: Annotated[str | None, Required.true] = None
    active: bool | None = None
    emails: list[Email] | None = None
    preferred_language: Annotated[str | None, Field(examples=["en", "nb", "de-CH"])] = None
    timezone: Annotated[str | None, Field(examples=["Europe/Oslo", "America/New_York"])] = None
    groups: Annotated[list[Membership] | None, Mutability.read_only] = None


class Member(ComplexAttribute):
    """A member of a group: a user, never another group."""

    value: Annotated[str | None, Mutability.immutable, CaseExact.true] = None
    ref: Annotated[
        Reference["User"] | None,
        Mutability.immutable,
    ] = Field(None, serialization_alias="$ref", validation_alias="$ref")
    type: Annotated[str | None, Mutability.immutable, Field(examples=["User"])] = None


class Group(Resource[Any]):
    """A folder."""

    __schema__ = URN("urn:ietf:params:scim:schemas:core:2.0:Group")

    display_name: Annotated[str | None, Required.true] = None
    members: list[Member] | None = None


USER = ResourceType(
    id="User",
    name="User",
    endpoint="/Users",
    description="A party.",
    schema_=User.__schema__,
    schema_extensions=[SchemaExtension(schema_=URN(ENTERPRISE), required=False)],
)
GROUP = ResourceType(
    id="Group",
    name="Group",
    endpoint="/Groups",
    description="A folder.",
    schema_=Group.__schema__,
    schema_extensions=[],
)

CONFIG = ServiceProviderConfig(
    patch=Patch(supported=True),
    bulk=Bulk(supported=True, max_operations=MAX_OPERATIONS, max_payload_size=MAX_BODY_BYTES),
    filter=Filter(supported=True, max_results=MAX_RESULTS),
    change_password=ChangePassword(supported=False),
    sort=Sort(supported=False),
    etag=ETag(supported=True),
    pagination=Pagination(
        cursor=False,
        index=True,
        default_pagination_method=Pagination.DefaultPaginationMethod.index,
        default_page_size=PAGE,
        max_page_size=MAX_RESULTS,
    ),
    authentication_schemes=[
        AuthenticationScheme(
            type=AuthenticationScheme.Type.oauthbearertoken,
            name="Bearer token",
            description="A token with the permission directory.sync and without folders.",
            primary=True,
        )
    ],
)

POLICY = ScimPolicy(
    unknown=ScimPolicy.Unknown.ignore,
    remove_value_as_filter=ScimPolicy.RemoveValue.apply,
    unmatched_path_filter=ScimPolicy.UnmatchedPathFilter.create,
)
"""The forms of requests that are taken besides those of the RFC, because Entra ID and Okta send them."""


class Provider(ScimProvider):
    """The description of this service that it publishes."""

    @cached_property
    def schemas(self) -> tuple[Schema, ...]:
        """The schemas. `active` is published as required because it cannot be removed; without it a user is active."""
        found = tuple(model.to_schema() for model in self.models)
        for attribute in found[0].attributes or ():
            if attribute.name == "active":
                attribute.required = Required.true
        return found


PROVIDER = Provider([User, EnterpriseUser, Group], [USER, GROUP], CONFIG, POLICY)
UserModel: Any = PROVIDER.model_for(USER)
"""A user with its extension."""
