"""The events of every deployment: of organizations, the directory and jobs."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from shared.events.vocabulary.declaring import (
    JOB,
    SYSTEM,
    UUID,
    Absent,
    Changed,
    Data,
    EventType,
    ExternalId,
    Former,
    PartyData,
    Reason,
)

Count = Annotated[int, Field(ge=0)]


class TrainingSwitched(Data):
    """training: true if it is now on."""

    training: bool
    former: Former


class SettingsChanged(Data):
    """change_limit: number of recipients above which a job waits for a second member; null: no limit.

    language: of mails and pages for parties without one, a BCP 47 tag; null: none; absent: not changed.
    """

    change_limit: Annotated[int, Field(ge=1)] | None
    language: str | None = None
    former: Former


class CertificateChanged(Data, Changed):
    """Names of the changed fields only, because a signatory is a person."""


class FolderChanged(Data, Changed):
    """The fields of a folder that changed."""


class PartyChanged(PartyData, Changed):
    """Names of the changed fields only, because their values are personal; of `active` also the new value."""

    active: bool | Absent = None


class PartyMerged(PartyData):
    """into: the party that has its records now. The party of the event is the one that went."""

    into: ExternalId
    reason: Reason
    job_id: UUID


class PartyRenumbered(PartyData):
    """entity_id: the new id. The party of the event has the old one."""

    entity_id: ExternalId
    reason: Reason
    job_id: UUID


class PartyRestored(PartyData):
    """from: the id whose party had its records meanwhile. undo_of: the job that was taken back."""

    from_: Annotated[ExternalId, Field(alias="from")]
    undo_of: UUID
    job_id: UUID


class JobSubmitted(Data):
    """request: the request, with the values fixed at submission. total: number of recipients."""

    kind: str
    state: Literal["queued", "awaiting_approval", "succeeded"]
    total: Count
    request: dict[str, Any]


class JobRejected(Data):
    """reason: why it was rejected."""

    reason: Reason


class Counts(BaseModel):
    """Number of recipients by outcome."""

    model_config = ConfigDict(extra="forbid")

    total: Count
    succeeded: Count
    unchanged: Count
    failed: Count
    cancelled: Count
    pending: Count


class JobFinished(Data):
    """The final state of a job, and its recipients by outcome."""

    kind: str
    state: Literal["succeeded", "partially_succeeded", "failed", "cancelled"]
    counts: Counts


class SignInBegun(Data):
    """issuer: who has said who it is. permissions: what the person may do meanwhile."""

    issuer: str
    permissions: list[str]


class IssuerChanged(Data):
    """issuer: its address. name: the short name that begins the ids of its members."""

    issuer: str
    name: str


class WriterChanged(IssuerChanged):
    """member_id: the member that may write the directory, or no longer may."""

    member_id: ExternalId


ISSUER = {"issuer": "https://id.example.com", "name": "example"}
ON, OFF = {"training": True}, {"training": False}
COUNTS = {"total": 2000, "succeeded": 1997, "unchanged": 0, "failed": 3, "cancelled": 0, "pending": 0}
KIND = {"kind": "assignments.create"}

CORE = (
    EventType("organization.added", "An organization was added.", Data, {}, SYSTEM),
    EventType(
        "organization.entitlement_changed",
        "The operator granted the organization training, or withdrew it.",
        TrainingSwitched,
        OFF | {"former": ON},
        SYSTEM,
    ),
    EventType(
        "organization.availability_changed",
        "An administrator enabled or disabled training in the organization.",
        TrainingSwitched,
        OFF | {"former": ON},
    ),
    EventType(
        "organization.settings_changed",
        "A setting of the organization was changed.",
        SettingsChanged,
        {"changeLimit": 500, "former": {"changeLimit": None}},
    ),
    EventType(
        "organization.certificate_changed",
        "What the organization's certificates show besides the licence was changed.",
        CertificateChanged,
        {"changed": ["logo", "signatoryName"]},
        by_name=True,
    ),
    EventType(
        "sign_in.begun",
        "A member signed in to the pages.",
        SignInBegun,
        {"issuer": "https://id.example.com", "permissions": ["training.view"]},
        by_name=True,
    ),
    EventType(
        "sign_in_issuer.bound",
        "The operator bound an issuer to the organization, or changed its binding.",
        IssuerChanged,
        ISSUER,
        SYSTEM,
        by_name=True,
    ),
    EventType(
        "sign_in_issuer.unbound",
        "The operator took an issuer from the organization.",
        IssuerChanged,
        ISSUER,
        SYSTEM,
        by_name=True,
    ),
    EventType(
        "sign_in_issuer.mapping_changed",
        "An administrator changed what the groups of an issuer may do.",
        IssuerChanged,
        ISSUER,
        by_name=True,
    ),
    EventType(
        "sign_in_issuer.writer_named",
        "The operator let a member write the directory.",
        WriterChanged,
        {**ISSUER, "memberId": "example:ada"},
        SYSTEM,
        by_name=True,
    ),
    EventType(
        "sign_in_issuer.writer_removed",
        "The operator no longer lets a member write the directory.",
        WriterChanged,
        {**ISSUER, "memberId": "example:ada"},
        SYSTEM,
        by_name=True,
    ),
    EventType("folder.created", "A folder was added to the directory.", Data, {}),
    EventType(
        "folder.changed",
        "A folder was renamed, or deleted by SCIM (`hidden`): it is empty then, and in no list.",
        FolderChanged,
        {"changed": ["name"]},
    ),
    EventType("party.created", "A party was added to the directory.", PartyData, {}),
    EventType(
        "party.changed",
        "The directory's copy of a party was changed.",
        PartyChanged,
        {"changed": ["active", "folders"], "active": False},
    ),
    EventType(
        "party.merged",
        "A party was merged with another one, which has its records now; its id is a former one.",
        PartyMerged,
        {"into": "crew-0043", "reason": "Entered twice", "jobId": JOB},
        by_name=True,
    ),
    EventType(
        "party.renumbered",
        "A party got another id; the one that it had is a former one.",
        PartyRenumbered,
        {"entityId": "crew-0043", "reason": "New payroll number", "jobId": JOB},
        by_name=True,
    ),
    EventType(
        "party.restored",
        "A merge or a new id was taken back: the party has its former id again.",
        PartyRestored,
        {"from": "crew-0043", "undoOf": JOB, "jobId": JOB},
        by_name=True,
    ),
    EventType("party.erased", "A party was erased for good: it is blank, inactive and in no folder.", PartyData, {}),
    EventType(
        "job.submitted",
        "A job was accepted.",
        JobSubmitted,
        KIND | {"state": "queued", "total": 2000, "request": {"reason": "Annual refresher"}},
    ),
    EventType("job.approved", "A second member approved a large job.", Data, {}),
    EventType(
        "job.rejected", "A second member rejected a large job.", JobRejected, {"reason": "The wrong folder was chosen"}
    ),
    EventType("job.cancel_requested", "A member asked to cancel the rest of a job.", Data, {}),
    EventType(
        "job.finished",
        "A job ended; every recipient has an outcome.",
        JobFinished,
        KIND | {"state": "partially_succeeded", "counts": COUNTS},
        SYSTEM,
    ),
)
