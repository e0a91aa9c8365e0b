"""The verbs: one function a request, one module a noun. What the API and the pages both do is one function here.

This is the only place where two nouns meet, for a request and for a chunk of a job. A verb declares its permission
(`verbs`), takes the transaction, the caller, the request model and the time, and returns rows or a job; it raises
problems, and knows neither HTTP nor Celery. Two kinds differ: a verb that waits takes the database and holds no
transaction while it waits, and the licence check is `async` and brings its own (decision 0011).

A kind of job is declared beside the verb that submits it, with the work of its chunks. Importing this package declares
every kind.
"""

from shared.services import (
    assignment_changes,
    assignments,
    catalogue,
    completions,
    deliveries,
    directory,
    events,
    forecast,
    jobs,
    licences,
    me,
    organizations,
    rosters,
    session_links,
    sessions,
    sweeps,
    verification,
    webhooks,
)

__all__ = [
    "assignment_changes",
    "assignments",
    "catalogue",
    "completions",
    "deliveries",
    "directory",
    "events",
    "forecast",
    "jobs",
    "licences",
    "me",
    "organizations",
    "rosters",
    "session_links",
    "sessions",
    "sweeps",
    "verification",
    "webhooks",
]
