"""Everything periodic, one line each, with why. Ticks are idempotent: two beats, or a late one, do no harm."""

from typing import Any

from shared import settings

_every = settings.current()

SCHEDULE: dict[str, dict[str, Any]] = {
    # finds jobs whose wake-up was lost, whose worker died, or that came while Redis was away
    "jobs.rescue": {
        "task": "jobs.rescue",
        "schedule": _every.job_rescue_seconds,
        "options": {"expires": 10 * _every.job_rescue_seconds},  # ticks that pile up while no worker runs are dropped
    },
    # copies what has been recorded to the Redis Stream: its readers are behind by about this much
    "events.publish": {"task": "events.publish", "schedule": 1.0, "options": {"expires": 10.0}},
    # reminds of due dates, soon after each organization's midnight
    "assignments.remind": {"task": "assignments.remind", "schedule": 600.0, "options": {"expires": 600.0}},
    # seals what has been recorded: until then an alteration leaves no trace but in the numbers
    "events.seal": {"task": "events.seal", "schedule": 60.0, "options": {"expires": 60.0}},
    # plans and sends what no wake-up told of, and what is due again after a pause; a late tick is of no use
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
    # begins the night's sweeps, and wakes those whose wake-up was lost or whose worker died
    "licences.sweep": {"task": "licences.sweep", "schedule": 120.0, "options": {"expires": 120.0}},
}
