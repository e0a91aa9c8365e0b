"""The steps of scim2-server that differ here: members as sets, bodies put right, errors that quote nothing."""

from typing import Any, TypeVar

from pydantic import ValidationError
from scim2_models import (
    BulkRequest,
    Context,
    Error,
    InvalidFilterException,
    MutabilityException,
    NotFoundException,
    PatchOp,
    Resource,
    ResourceType,
    SCIMException,
)
from scim2_server.conditions import Conditions
from scim2_server.handler import ScimHandler
from scim2_server.requests import ScimRequest
from scim2_server.responses import ScimResponse
from scim2_server.routing import Operation
from scim2_server.service import ScimService

from api.http.problems import problem_of
from api.scim import models
from api.scim.received import Body, new_user, parsed, put_right, said, split
from api.scim.storage import Storage, ids_of, wants_members
from shared.access import Caller
from shared.directory import Members, Taken
from shared.errors import InvalidInput, NotFound, Problem

ModelT = TypeVar("ModelT", bound=Any)

MAX_FILTER = 2000
"""Upper bound of characters in a filter. A parser of a longer one could exhaust its stack."""
MAX_OPEN = 20
"""Upper bound of opening brackets in a filter."""

SENTENCES = {
    "invalidFilter": "The filter is not valid, or compares an attribute in a way that it does not allow.",
    "invalidPath": "A path is not valid, or names no attribute of this resource.",
    "invalidSyntax": "The body has not the form of this request.",
    "invalidValue": "A value is missing, or has not the form that its attribute needs.",
    "mutability": "An attribute that is read-only or required was changed or removed.",
    "noTarget": "A path selects nothing.",
    "uniqueness": "Another user or group has this value already.",
}
"""The sentences for errors of the library, whose own may quote what was sent."""

STATUSES = {
    400: "The request is not valid.",
    403: "This is not allowed.",
    404: "There is nothing at this address.",
    405: "This address does not take that method; the Allow header lists those it takes.",
    409: "The request conflicts with the present state.",
    412: "It was changed since it was read. Read it again and repeat the change.",
    413: "The request is larger than this service accepts.",
    415: "Send the body as application/scim+json.",
    501: "This service does not support that.",
}

NAMES = {
    str(field.serialization_alias or field.alias or name)
    for model in (models.User, models.Group, models.Email, models.Member, models.Manager, models.EnterpriseUser)
    for name, field in model.model_fields.items()
} | {"Operations", "op", "path", "value", "method", "bulkId", "data", "failOnErrors", "schemas", models.ENTERPRISE}
"""The names that an error may repeat: those of attributes, never what else a client has used as a name."""


class Service(ScimService):
    """The protocol, with bodies put right before they are read."""

    def me_target(self, request: ScimRequest) -> tuple[ResourceType, str]:
        """Return the user whom the caller represents."""
        caller: Caller = request.subject
        if caller.party_id is None:
            raise said(NotFoundException, "Your token represents no party, so there is no user at this address.")
        return models.USER, caller.party_id

    def read_body(self, model: type[ModelT], body: bytes, content_type: str | None, scim_ctx: Context) -> ModelT:
        """Validate a body with a model."""
        self.ensure_json(content_type)
        given = parsed(body)
        if issubclass(model, BulkRequest):
            given = put_right("Bulk", given)
        elif issubclass(model, models.User):
            given = new_user(given) if scim_ctx == Context.RESOURCE_CREATION_REQUEST else put_right("User", given)
        elif issubclass(model, PatchOp):
            given = put_right("UserPatch", given)
        return self.validated(model, given, scim_ctx)

    def decode_body(self, body: bytes, content_type: str | None) -> Any:
        """Return a body as JSON."""
        self.ensure_json(content_type)
        return parsed(body)

    def validated(self, model: type[ModelT], given: Any, scim_ctx: Context) -> ModelT:
        """Return what was given as a model. Raises SCIMException."""
        try:
            found: ModelT = model.model_validate(given, scim_ctx=scim_ctx)
        except ValidationError as error:
            raise SCIMException.from_error(error_in(error)) from error
        return found

    def read_search(self, resource_types: list[ResourceType], payload: Any) -> Any:
        """Validate a search, whose filter is first bounded."""
        for name, value in payload.items() if isinstance(payload, dict) else ():
            if name.lower() != "filter" or not isinstance(value, str):
                continue
            if len(value) > MAX_FILTER or sum(map(value.count, "([")) > MAX_OPEN:
                raise said(InvalidFilterException, "The filter is too long, or has too many brackets.")
        return super().read_search(resource_types, payload)

    def apply_patch(self, current: Any, patch_op: "PatchOp[Any]", conditions: Conditions) -> Any:
        """Apply a PATCH to a resource. A party is always active or not."""
        changed = super().apply_patch(current, patch_op, conditions)
        if isinstance(current, models.User) and current.active is None:
            raise said(MutabilityException, "active cannot be removed.")
        return changed

    def error_of(self, exception: Exception) -> Error:  # type: ignore[override]
        """Return the SCIM error of an exception. It quotes nothing of what was sent."""
        if isinstance(exception, SCIMException):
            error = exception.to_error()
            cause = exception.__cause__
            if isinstance(cause, ValidationError):
                error = error_in(cause)
            elif not getattr(exception, "quotes_nothing", False):
                error.detail = SENTENCES.get(error.scim_type or "") or STATUSES.get(error.status or 0, "It failed.")
            return error
        return error_from(problem_of(exception, "/scim/v2"))

    def bulk_validation_failure(self, operation: Any, outcome: dict[str, Any]) -> dict[str, Any] | None:  # type: ignore[override]
        """Return the outcome of an operation that was not valid."""
        if isinstance(operation.response, Error):
            found = operation.response
            found.detail = SENTENCES.get(found.scim_type or "") or STATUSES.get(found.status or 400)
        return super().bulk_validation_failure(operation, outcome)


def error_in(error: ValidationError) -> Error:
    """Return the first fault of a body as a SCIM error: its scimType, and the attribute where it is."""
    found = Error.from_validation_errors(error)[0]
    loc = error.errors(include_url=False, include_input=False, include_context=False)[0]["loc"]
    place = ""
    for part in loc:
        if isinstance(part, int):
            place += f"[{part}]"
        elif part in NAMES:
            place += f".{part}" if place else part
    sentence = SENTENCES.get(found.scim_type or "") or STATUSES[400]
    found.detail = f"{place}: {sentence[:1].lower()}{sentence[1:]}" if place else sentence
    return found


def error_from(problem: Problem) -> Error:
    """Return a problem as a SCIM error."""
    match problem:
        case InvalidInput():
            return Error(status=400, scim_type="invalidValue", detail=problem.detail)
        case Taken():
            return Error(status=409, scim_type="uniqueness", detail=problem.detail)
        case NotFound():
            return Error(status=404, detail="There is no such user or group in your organization.")
    return Error(status=problem.status, detail=problem.detail)


class Handler(ScimHandler):
    """The operations. A group's members are never loaded to be changed, but written as sets."""

    storage: Storage

    def patch(self, request: ScimRequest) -> ScimResponse:
        """Modify a resource. Of a group the members are taken out of the body before it is validated."""
        with self.service.provider:
            target = self.service.route(request, Operation.patch)
            if target.me or target.endpoint != "Groups":
                return super().patch(request)
            shown = self.service.read_response_parameters(models.GROUP, request.query)
            body = self.service.decode_body(request.body, request.header("Content-Type"))
            members, rest = split(body)
            patch_op = None if rest is None else self._read_patch(rest)
            conditions = self.service.read_conditions(request)
            asked = bool(shown.attributes or shown.excluded_attributes) and wants_members(shown)
            with self.storage.operation():
                group = self._change_group(target.resource_id or "", members, patch_op, conditions, shown=asked)
            return self.service.patch_response(request.base_url, group, shown)

    def patch_resource(
        self, resource_type: ResourceType, resource_id: str, patch_op: "PatchOp[Any]", conditions: Conditions
    ) -> Resource[Any]:
        """Apply a validated PATCH, of a single request or of a bulk request."""
        if resource_type.name == "User":
            return super().patch_resource(resource_type, resource_id, patch_op, conditions)
        given = [
            {"op": str(one.op), "path": None if one.path is None else str(one.path)}
            | ({"value": one.value} if "value" in one.model_fields_set else {})
            for one in patch_op.operations or ()
        ]
        members, rest = split({"schemas": [str(PatchOp.__schema__)], "Operations": given})
        left = None if rest is None else self._read_patch(rest)
        return self._change_group(resource_id, members, left, conditions, shown=False)

    def replace_resource(
        self, resource_type: ResourceType, current: Any, replacement: Any, conditions: Conditions
    ) -> Resource[Any]:
        """Apply a validated replacement. Members that are not mentioned stay."""
        if resource_type.name == "User":
            return super().replace_resource(resource_type, current, replacement, conditions)
        self.service.check_preconditions(current, "PUT", conditions)
        change = Members()
        if replacement.members is not None:
            change = change.then("replace", ids_of(replacement.members))
        new = current.model_copy(
            update={"display_name": replacement.display_name, "external_id": replacement.external_id}
        )
        expected = current.meta.version if conditions.if_match else None
        return self.storage.write_group(new, change, expected, members=True)

    def _read_patch(self, body: Body) -> "PatchOp[Any]":
        service: Service = self.service  # type: ignore[assignment]
        found: PatchOp[Any] = service.validated(PatchOp[models.Group], body, Context.RESOURCE_PATCH_REQUEST)
        return found

    def _change_group(
        self,
        group_id: str,
        members: Members,
        patch_op: "PatchOp[Any] | None",
        conditions: Conditions,
        *,
        shown: bool,
    ) -> Resource[Any]:
        current: Any = self.storage.get(models.GROUP, group_id)
        version = current.meta.version
        if patch_op is None:
            self.service.check_preconditions(current, "PATCH", conditions)
        else:
            self.service.apply_patch(current, patch_op, conditions)
        if current.display_name is None:
            raise said(MutabilityException, "displayName cannot be removed.")
        expected = version if conditions.if_match else None
        return self.storage.write_group(current, members, expected, members=shown)
