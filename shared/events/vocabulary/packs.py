"""The events of packs."""

from typing import Literal

from shared.events.vocabulary.declaring import JOB, SYSTEM, UUID, Data, EventType, date

HASH = "5d0f7a1c9e3b8246d0f7a1c9e3b82465d0f7a1c9e3b8246d0f7a1c9e3b824650"


class PackMade(Data):
    """job_id: the job that made it. on: the day of which it tells. manifest_hash: SHA-256 of its `manifest.json`."""

    job_id: UUID
    on: date
    people: int
    manifest_hash: str


class PackFetched(Data):
    """manifest_hash: SHA-256 of the `manifest.json` in the file that was fetched."""

    manifest_hash: str


class PackDeleted(Data):
    """why: its time had passed, one of its parties was erased, or its job was cancelled or failed for everybody."""

    why: Literal["over", "erasure", "cancelled"]


PACKS = (
    EventType(
        "pack.made",
        "A pack of evidence is ready to be fetched.",
        PackMade,
        {"jobId": JOB, "on": "2026-06-30", "people": 200, "manifestHash": HASH},
        SYSTEM,
        by_name=True,
    ),
    EventType(
        "pack.fetched",
        "Somebody fetched the file of a pack.",
        PackFetched,
        {"manifestHash": HASH},
        by_name=True,
    ),
    EventType(
        "pack.deleted",
        "A pack was deleted.",
        PackDeleted,
        {"why": "over"},
        SYSTEM,
        by_name=True,
    ),
)
