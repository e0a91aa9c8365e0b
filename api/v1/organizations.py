"""The caller and its organization: permissions, settings, the availability of training, limits."""

from api.http.dependencies import MAX_BODY_BYTES, CurrentCaller, CurrentParts, Db, Now, allow
from api.http.routing import Router
from api.http.shares import HEAVY_BYTES
from shared.access import Organization, SettingsChange, Unavailability
from shared.assignments import MAX_RECIPIENTS
from shared.directory import MAX_PARTIES
from shared.pagination import MAX_LIMIT
from shared.services import organizations
from shared.wire import Answer, Received

router = Router("/v1", "organization")


class NavigationEntry(Answer):
    """An entry of the navigation."""

    id: str
    title: str
    href: str


class Me(Answer):
    """The caller as in its token, and the navigation for it."""

    org: str
    member: str
    party: str | None
    folders: list[str] | None
    permissions: list[str]
    navigation: list[NavigationEntry]


class Availability(Answer):
    """The availability of training. enabled: the administrator's switch. reason: why it is not available, else null."""

    available: bool
    enabled: bool
    reason: Unavailability | None


class AvailabilityChange(Received):
    """A change of the administrator's switch."""

    enabled: bool


class SettingsAnswer(Answer):
    """The settings of the organization.

    changeLimit: the number of recipients above which a job waits for a second member's approval; null for no limit.
    language: of mails and pages for parties that have none of their own, a BCP 47 tag; null: English.
    """

    name: str
    time_zone: str
    change_limit: int | None
    language: str | None


class Limits(Answer):
    """The limits of requests.

    bodyBytes: of any body. recipients: in one request. page: items of a page. partiesPerSync: of `PUT /v1/parties`.

    For each organization and API process: requests: all requests at once, and of these waits and streams: requests
    with `wait` and server-sent streams.
    heavyBodies: requests at once with a body above heavyBodyBytes. requestsPerSecond: null for no limit. A request
    beyond one of these gets 429 with `Retry-After`.
    """

    body_bytes: int
    recipients: int
    page: int
    parties_per_sync: int
    requests: int
    waits: int
    streams: int
    heavy_bodies: int
    heavy_body_bytes: int
    requests_per_second: int | None


@router.get("/me", dependencies=[allow(organizations.get_availability)])
def read_me(db: Db, caller: CurrentCaller, parts: CurrentParts) -> Me:
    """The caller, its permissions, and the navigation. The entry of training is there only if training is available."""
    _, reason = organizations.get_availability(db, caller, parts.settings.features)
    training = NavigationEntry(id="training", title="Training", href="/training")
    return Me(
        org=caller.org_id,
        member=caller.member_id,
        party=caller.party_id,
        folders=None if caller.folders is None else sorted(caller.folders),
        permissions=sorted(caller.permissions),
        navigation=[training] if reason is None else [],
    )


@router.get("/limits", dependencies=[allow()])
async def read_limits(parts: CurrentParts) -> Limits:
    """The limits of requests."""
    shares = parts.shares
    return Limits(
        body_bytes=MAX_BODY_BYTES,
        recipients=MAX_RECIPIENTS,
        page=MAX_LIMIT,
        parties_per_sync=MAX_PARTIES,
        requests=shares.requests.most,
        waits=shares.waits.most,
        streams=shares.streams.most,
        heavy_bodies=shares.heavy.share.most,
        heavy_body_bytes=HEAVY_BYTES,
        requests_per_second=shares.rate.most,
    )


@router.get("/settings", dependencies=[allow(organizations.get_settings)])
def read_settings(db: Db, caller: CurrentCaller) -> SettingsAnswer:
    """The organization's settings."""
    return SettingsAnswer.model_validate(organizations.get_settings(db, caller))


@router.put("/settings", dependencies=[allow(organizations.change_settings)])
def change_settings(body: SettingsChange, db: Db, caller: CurrentCaller, now: Now) -> SettingsAnswer:
    """Change the organization's settings. What is not mentioned stays as it is; null clears."""
    return SettingsAnswer.model_validate(organizations.change_settings(db, caller, body, now))


@router.get("/availability", dependencies=[allow(organizations.get_availability)])
def read_availability(db: Db, caller: CurrentCaller, parts: CurrentParts) -> Availability:
    """The availability of training to the caller's organization, for every signed-in member."""
    return _availability(*organizations.get_availability(db, caller, parts.settings.features))


@router.put("/availability", dependencies=[allow(organizations.change_availability)])
def change_availability(
    body: AvailabilityChange, db: Db, caller: CurrentCaller, parts: CurrentParts, now: Now
) -> Availability:
    """Enable or disable training for the organization. Nothing is deleted, and running jobs finish."""
    features = parts.settings.features
    return _availability(*organizations.change_availability(db, caller, body.enabled, features, now))


def _availability(organization: Organization, reason: Unavailability | None) -> Availability:
    return Availability(available=reason is None, enabled=organization.training_enabled, reason=reason)
