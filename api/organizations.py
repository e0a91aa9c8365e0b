"""The caller and the organization: who am I, what may I see, is training available, which limits hold."""

from pydantic import Field

from api.dependencies import MAX_BODY_BYTES, CurrentCaller, CurrentOrganization, CurrentService, Db, Now, allow
from api.routing import Router
from shared import access, assignments
from shared.access import Permission
from shared.pagination import MAX_LIMIT
from shared.wire import Answer, Received

router = Router("/v1", "organization")


class NavigationEntry(Answer):
    """A place in the workspace's navigation."""

    id: str
    title: str
    href: str


class Me(Answer):
    """The caller as the token says, and what there is to go to."""

    org: str
    member: str
    party: str | None
    folders: list[str] | None
    permissions: list[str]
    navigation: list[NavigationEntry]


class Availability(Answer):
    """Whether training answers, and if not, why: not_deployed, not_entitled or disabled."""

    available: bool
    enabled: bool
    reason: access.Unavailability | None


class AvailabilityChange(Received):
    """The administrator's switch."""

    enabled: bool


class SettingsAnswer(Answer):
    """changeLimit: recipients above which a job waits for a second member; null for none."""

    name: str
    time_zone: str
    change_limit: int | None


class SettingsChange(Received):
    """The whole of what can be set; leaving changeLimit out takes it away."""

    change_limit: int | None = Field(default=None, ge=0, le=1_000_000)


class Limits(Answer):
    """The limits every request is held to."""

    body_bytes: int
    recipients: int
    page: int
    parties_per_sync: int


@router.get("/me", dependencies=[allow()])
def me(caller: CurrentCaller, organization: CurrentOrganization, service: CurrentService) -> Me:
    """The caller, its permissions, and the navigation: without training available there is no training entry."""
    available = access.unavailability(organization, service.settings.features) is None
    training = NavigationEntry(id="training", title="Training", href="/training")
    return Me(
        org=caller.org_id,
        member=caller.member_id,
        party=caller.party_id,
        folders=None if caller.folders is None else sorted(caller.folders),
        permissions=sorted(caller.permissions),
        navigation=[training] if available else [],
    )


@router.get("/limits", dependencies=[allow()])
def limits() -> Limits:
    """The limits every request is held to."""
    return Limits(
        body_bytes=MAX_BODY_BYTES, recipients=assignments.MAX_RECIPIENTS, page=MAX_LIMIT, parties_per_sync=10_000
    )


@router.get("/settings", dependencies=[allow(*Permission)])
def settings(organization: CurrentOrganization) -> SettingsAnswer:
    """The organization's own settings."""
    return SettingsAnswer.model_validate(organization)


@router.put("/settings", dependencies=[allow(Permission.ADMIN)])
def change_settings(body: SettingsChange, db: Db, caller: CurrentCaller, now: Now) -> SettingsAnswer:
    """Change the organization's settings."""
    access.limit_changes(db, body.change_limit, actor=caller.actor, now=now)
    db.expire_all()
    return SettingsAnswer.model_validate(access.organization(db))


@router.get("/availability", dependencies=[allow()])
def availability(organization: CurrentOrganization, service: CurrentService) -> Availability:
    """Whether training is available to the caller's organization; every member may ask."""
    reason = access.unavailability(organization, service.settings.features)
    return Availability(available=reason is None, enabled=organization.training_enabled, reason=reason)


@router.put("/availability", dependencies=[allow(Permission.ADMIN)])
def change_availability(
    body: AvailabilityChange, db: Db, caller: CurrentCaller, service: CurrentService, now: Now
) -> Availability:
    """Enable or disable training for the organization. Nothing is deleted; jobs in flight finish."""
    access.enable(db, training=body.enabled, actor=caller.actor, now=now)
    db.expire_all()
    return availability(access.organization(db), service)
