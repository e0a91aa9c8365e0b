"""Access: organizations, callers and their permissions, and the availability of training.

Owns the table `organization`. Promises that a caller has only what a verified token grants, and that an unknown
organization, a missing permission and an unavailable feature give different errors.
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
from shared.access.tokens import TokenVerifier, issue

__all__ = [
    "add_organization",
    "ask_organization",
    "Caller",
    "change_settings",
    "check_time_zone",
    "enable",
    "entitle",
    "FeatureNotAvailable",
    "issue",
    "Organization",
    "get_organization",
    "list_organization_ids",
    "need_available",
    "OrganizationExists",
    "OrganizationUnknown",
    "Permission",
    "PermissionDenied",
    "reading",
    "SettingsChange",
    "today",
    "TokenVerifier",
    "Unauthenticated",
    "Unavailability",
    "unavailability",
    "unavailable",
]
