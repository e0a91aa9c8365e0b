"""Access: organizations, callers and their permissions, and the availability of training.

Owns the tables `organization` and `sign_in`. Promises that a caller has only what a verified token or a valid sign-in
grants, and that an unknown organization, a missing permission and an unavailable feature give different errors.
"""

from shared.access.actions import (
    OrganizationExists,
    add_organization,
    change_settings,
    check_time_zone,
    enable,
    entitle,
)
from shared.access.caller import Caller, Permission, PermissionDenied, Unauthenticated
from shared.access.models import Organization
from shared.access.queries import (
    FeatureNotAvailable,
    OrganizationUnknown,
    Unavailability,
    ask_organization,
    get_organization,
    list_organization_ids,
    need_available,
    reading,
    today,
    unavailability,
    unavailable,
)
from shared.access.schemas import SettingsChange
from shared.access.sign_ins import (
    NOTED_EVERY,
    RECENT_SIGN_IN,
    EndReason,
    Identity,
    SignIn,
    begin_sign_in,
    end_sign_in,
    forget_person,
    list_sign_ins,
    note_use,
    read_cookie,
)
from shared.access.tokens import TokenVerifier, issue

__all__ = [
    "add_organization",
    "ask_organization",
    "begin_sign_in",
    "Caller",
    "change_settings",
    "check_time_zone",
    "enable",
    "end_sign_in",
    "EndReason",
    "entitle",
    "FeatureNotAvailable",
    "forget_person",
    "Identity",
    "issue",
    "Organization",
    "get_organization",
    "list_organization_ids",
    "list_sign_ins",
    "need_available",
    "note_use",
    "NOTED_EVERY",
    "OrganizationExists",
    "OrganizationUnknown",
    "Permission",
    "PermissionDenied",
    "read_cookie",
    "reading",
    "RECENT_SIGN_IN",
    "SettingsChange",
    "SignIn",
    "today",
    "TokenVerifier",
    "Unauthenticated",
    "Unavailability",
    "unavailability",
    "unavailable",
]
