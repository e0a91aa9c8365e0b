"""The periodic tasks, each with its reason. Ticks are idempotent: a second beat or a late tick does no harm."""

from typing import Any

from shared import settings

_every = settings.current()

SCHEDULE: dict[str, dict[str, Any]] = {
    # finds jobs whose wake-up was lost, whose worker died, or that were accepted while Redis was down
    "jobs.rescue": {
        "task": "jobs.rescue",
        "schedule": _every.job_rescue_seconds,
        "options": {"expires": 10 * _every.job_rescue_seconds},  # ticks that pile up while no worker runs are dropped
    },
    # copies recorded events to the Redis Stream: its readers are behind by about this interval
    "events.publish": {"task": "events.publish", "schedule": 1.0, "options": {"expires": 10.0}},
    # reminds of due dates, soon after each organization's midnight
    "assignments.remind": {"task": "assignments.remind", "schedule": 600.0, "options": {"expires": 600.0}},
    # seals recorded events: before that, an alteration can only be found by a gap in the numbers
    "events.seal": {"task": "events.seal", "schedule": 60.0, "options": {"expires": 60.0}},
    # plans and sends deliveries whose wake-up was lost or whose pause is over; a late tick is useless
    "deliveries.plan": {"task": "deliveries.plan", "schedule": 1.0, "options": {"expires": 2.0}},
    "deliveries.send/webhook": {
        "task": "deliveries.send",
        "args": ("webhook",),
        "schedule": 1.0,
        "options": {"expires": 2.0},
    },
    "deliveries.send/email": {
        "task": "deliveries.send",
        "args": ("email",),
        "schedule": 1.0,
        "options": {"expires": 2.0},
    },
    # deletes packs that were kept for their 7 days
    "packs.purge": {"task": "packs.purge", "schedule": 600.0, "options": {"expires": 600.0}},
    # starts the nightly sweeps, and wakes sweeps whose wake-up was lost or whose worker died
    "licences.sweep": {"task": "licences.sweep", "schedule": 120.0, "options": {"expires": 120.0}},
    # deletes uploads after a day
    "uploads.purge": {"task": "uploads.purge", "schedule": 600.0, "options": {"expires": 600.0}},
}
