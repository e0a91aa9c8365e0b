"""The events of what every deployment has: organizations, the directory, jobs."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from shared.events.vocabulary.declaring import SYSTEM, Absent, Changed, Data, EventType, Former, PartyData, Reason

Count = Annotated[int, Field(ge=0)]


class TrainingSwitched(Data):
    """Whether training is now on."""

    training: bool
    former: Former


class SettingsChanged(Data):
    """change_limit: the recipients above which a job waits for a second member; null for none."""

    change_limit: Annotated[int, Field(ge=1)] | None
    former: Former


class FolderChanged(Data, Changed):
    """Fields of a folder."""


class PartyChanged(PartyData, Changed):
    """Names of fields only, and of `active` what it is now: the values are about people."""

    active: bool | Absent = None


class JobSubmitted(Data):
    """request: what was asked, with what was fixed at submission. total: recipients."""

    kind: str
    state: Literal["queued", "awaiting_approval", "succeeded"]
    total: Count
    request: dict[str, Any]


class JobRejected(Data):
    """Why it was rejected."""

    reason: Reason


class Counts(BaseModel):
    """How many recipients came to which outcome."""

    model_config = ConfigDict(extra="forbid")

    total: Count
    succeeded: Count
    unchanged: Count
    failed: Count
    cancelled: Count
    pending: Count


class JobFinished(Data):
    """How it ended."""

    kind: str
    state: Literal["succeeded", "partially_succeeded", "failed", "cancelled"]
    counts: Counts


ON, OFF = {"training": True}, {"training": False}
COUNTS = {"total": 2000, "succeeded": 1997, "unchanged": 0, "failed": 3, "cancelled": 0, "pending": 0}
KIND = {"kind": "assignments.create"}

CORE = (
    EventType("organization.added", "An organization was added.", Data, {}, SYSTEM),
    EventType(
        "organization.entitlement_changed",
        "The operator granted the organization training, or withheld it.",
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
    EventType("folder.created", "A folder came into the directory.", Data, {}),
    EventType("folder.changed", "A folder was renamed.", FolderChanged, {"changed": ["name"]}),
    EventType("party.created", "A party came into the directory.", PartyData, {}),
    EventType(
        "party.changed",
        "The directory's copy of a party was changed.",
        PartyChanged,
        {"changed": ["active", "folders"], "active": False},
    ),
    EventType("party.erased", "A party's name and e-mail address were blanked.", PartyData, {}),
    EventType(
        "job.submitted",
        "A job was accepted.",
        JobSubmitted,
        KIND | {"state": "queued", "total": 2000, "request": {"reason": "Annual refresher"}},
    ),
    EventType("job.approved", "A second member let a large job run.", Data, {}),
    EventType(
        "job.rejected", "A second member refused a large job.", JobRejected, {"reason": "The wrong folder was chosen"}
    ),
    EventType("job.cancel_requested", "Somebody asked that what is left of a job be not done.", Data, {}),
    EventType(
        "job.finished",
        "A job ended; every recipient has its outcome.",
        JobFinished,
        KIND | {"state": "partially_succeeded", "counts": COUNTS},
        SYSTEM,
    ),
)
