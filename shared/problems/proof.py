"""Problems of proving what is in the audit log."""

from shared.problems.known import Known

ALL = (
    Known(
        "not-sealed",
        409,
        "Not sealed yet",
        "A proof was asked for of events that no seal covers yet, or over which the tree is still growing.",
        "Try again in a minute; right after an upgrade it can take some minutes more.",
        "Events are sealed up to 4812. The next ones follow within a minute.",
    ),
    Known(
        "pack-not-ready",
        409,
        "Not made yet",
        "The pack is being made, or its job waits for approval.",
        "Wait for its job, `jobId` of the pack, and fetch the file then.",
        "The pack is being made; its job says how far it is.",
    ),
    Known(
        "record-altered",
        409,
        "The record was altered",
        "Somebody has altered events in the database after they were sealed, so there is no proof of them.",
        "Ask whoever runs the service for `rollcall audit verify`, which names the events.",
        "The events no longer give the root that was sealed. `rollcall audit verify` says where.",
    ),
)
