"""The settings of signing in: what the groups of an issuer may do, and a try of what somebody's claims would give."""

import re
import uuid
from typing import Any

import orjson
from fastapi import Response
from fastapi.responses import RedirectResponse

from api.console.forms import CurrentForm, Form
from api.console.frame import ConsoleRouter, CurrentFrame, form_of
from api.http.dependencies import CurrentCaller, CurrentParts, Db, Now, allow
from shared.access import NEVER_MAPPED, MappingChange, Permission
from shared.errors import Fault, InvalidInput
from shared.services import sign_in_mapping
from shared.services.sign_in_mapping import ShownMapping

router = ConsoleRouter("/settings/sign-in")

PERMISSIONS = [one for one in Permission if one not in NEVER_MAPPED]
FREE_ROWS = 2
"""Empty rows of the form, for groups that are added."""
MOST_ROWS = 500
_BETWEEN_IDS = re.compile(r"[\s,;]+")


@router.get("", dependencies=[allow(sign_in_mapping.list_mappings)])
def show_list(frame: CurrentFrame, db: Db, caller: CurrentCaller) -> Response:
    """The issuers at which members sign in."""
    return frame.page("sign_in_settings.html", mappings=sign_in_mapping.list_mappings(db, caller))


@router.get("/{issuer_id}", dependencies=[allow(sign_in_mapping.get_mapping)])
def show(issuer_id: uuid.UUID, frame: CurrentFrame, form: CurrentForm, db: Db, caller: CurrentCaller) -> Response:
    """The form with the mapping of one issuer: as it is, or as it was typed."""
    return _page(frame, form, sign_in_mapping.get_mapping(db, caller, issuer_id), None)


@router.post("/{issuer_id}", dependencies=[allow(sign_in_mapping.change_mapping)])
def change(issuer_id: uuid.UUID, form: CurrentForm, db: Db, caller: CurrentCaller, now: Now) -> Response:
    """Replace the mapping. Its sign-ins end, so whoever signs in there leads to signing in again."""
    sign_in_mapping.change_mapping(db, caller, issuer_id, _change(form), now)
    return RedirectResponse("/settings/sign-in", 303)


_ON_ITS_PAGE = form_of("/settings/sign-in/{issuer_id}")


@router.post("/{issuer_id}/try", dependencies=[allow(sign_in_mapping.try_claims), _ON_ITS_PAGE])
def try_claims(
    issuer_id: uuid.UUID, frame: CurrentFrame, form: CurrentForm, db: Db, caller: CurrentCaller, parts: CurrentParts
) -> Response:
    """The same page, with what a person with these claims could do. Nobody is signed in."""
    tried = sign_in_mapping.try_claims(db, caller, issuer_id, _claims(form), parts.settings.jwt_issuer)
    return _page(frame, form, sign_in_mapping.get_mapping(db, caller, issuer_id), tried)


def _page(frame: CurrentFrame, form: Form, shown: ShownMapping, tried: Any) -> Response:
    typed = form if "version" in form.values else _form_of(shown, form)
    rows = range(min(MOST_ROWS, 1 + max((int(one[6:]) for one in typed.values if _is_row(one)), default=-1)))
    return frame.page(
        "sign_in_mapping.html", form=typed, issuer=shown.issuer, rows=rows, permissions=PERMISSIONS, tried=tried
    )


def _is_row(name: str) -> bool:
    return name.startswith("group.") and name[6:].isdecimal() and len(name) < 10


def _form_of(shown: ShownMapping, sent: Form) -> Form:
    """Return the mapping as the content of its form."""
    issuer = shown.issuer
    values = {
        "version": [str(issuer.version)],
        "groupsClaim": [issuer.groups_claim],
        "partyClaim": [issuer.party_claim or ""],
        "partyField": [issuer.party_field],
        "claims": sent.values.get("claims", []),
    }
    for n, one in enumerate(shown.groups):
        values[f"group.{n}"], values[f"permissions.{n}"] = [one.group_name], list(one.permissions)
        values[f"folders.{n}"] = [] if one.folders is None else [" ".join(one.folders)]
        if one.folders is not None:
            values[f"limited.{n}"] = ["true"]
    for n in range(len(shown.groups), len(shown.groups) + FREE_ROWS):
        values[f"group.{n}"] = [""]
    return Form({name: given for name, given in values.items() if given}, sent.problem)


def _change(form: Form) -> MappingChange:
    """Return the form as the change of a mapping. A row without a name is left out."""
    version, groups = form.text("version"), []
    for name in sorted(filter(_is_row, form.values), key=lambda one: int(one[6:])):
        n = name[6:]
        if group := form.text(name).strip():
            ids = [one for one in _BETWEEN_IDS.split(form.text(f"folders.{n}")) if one]
            limited = form.checked(f"limited.{n}") or bool(ids)
            given = form.several(f"permissions.{n}")
            groups.append({"group": group, "permissions": given, "folders": ids if limited else None})
    return form.read(MappingChange, groups=groups, version=int(version) if version.isdecimal() else 0)


def _claims(form: Form) -> dict[str, Any]:
    """Return the claims that were typed. Raises InvalidInput."""
    try:
        said = orjson.loads(form.text("claims"))
    except orjson.JSONDecodeError:
        said = None
    if not isinstance(said, dict):
        raise InvalidInput(Fault("/claims", 'Write claims as JSON, such as {"sub": "ada", "groups": ["crew"]}.'))
    return said
