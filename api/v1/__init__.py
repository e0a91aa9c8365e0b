"""The JSON door: one module a noun. A route reads the request, calls one verb of `shared.services`, and answers."""

from api.v1 import (
    assignments,
    audit,
    bulk,
    catalogue,
    certificate_look,
    completions,
    credentials,
    deliveries,
    directory,
    events,
    forecast,
    jobs,
    licence_checks,
    licences,
    me,
    moving,
    organizations,
    packs,
    policies,
    records,
    revoking,
    rosters,
    session_tasks,
    sessions,
    sweeps,
    transcripts,
    webhooks,
)

FIRST = (licence_checks.router,)
"""Mounted before all others, because it is called most often, and routers are tried in their order."""

WAITS = (jobs.waits,)
"""Routes of training that wait or stream."""

PUBLIC = (credentials.public,)
"""Routes without sign-in, with or without training."""

CORE = (organizations.router, directory.router, events.router, audit.router)
"""Routes that work with or without training."""

TRAINING = (
    catalogue.router,
    bulk.router,
    completions.router,
    assignments.router,
    session_tasks.router,
    me.router,
    moving.router,
    sessions.router,
    rosters.router,
    jobs.router,
    webhooks.router,
    deliveries.router,
    credentials.router,
    revoking.router,
    licences.router,
    records.router,
    packs.router,
    forecast.router,
    policies.router,
    sweeps.router,
    transcripts.router,
    certificate_look.router,
)
"""Routes that work only if training is deployed and available to the caller's organization."""

__all__ = ["CORE", "FIRST", "PUBLIC", "TRAINING", "WAITS"]
