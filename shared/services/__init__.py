"""The verbs: one function for each request, one module for each noun. The API and the pages call the same functions.

Two nouns are joined only here, for a request and for a chunk of a job. A verb declares its permission (`verbs`), takes
the transaction, the caller, the request model and the time, and returns rows or a job. It raises problems, and knows
neither HTTP nor Celery. Two kinds of verbs differ: a verb that waits takes the database and holds no transaction while
it waits, and the licence check is `async` and opens its own transaction (decision 0011).

A kind of job is declared beside the verb that submits it, with its chunk work. Importing this package declares every
kind.
"""

from shared.services import (
    assignment_changes,
    assignments,
    bulk,
    catalogue,
    certificates,
    completions,
    deliveries,
    directory,
    events,
    forecast,
    job_details,
    jobs,
    licence_details,
    licences,
    me,
    organizations,
    overview,
    packs,
    party_details,
    personas,
    records,
    rosters,
    session_completions,
    session_links,
    sessions,
    sign_in_mapping,
    sign_ins,
    signing_in,
    sweeps,
    transcripts,
    uploads,
    verification,
    webhooks,
)

__all__ = [
    "assignment_changes",
    "assignments",
    "bulk",
    "catalogue",
    "certificates",
    "completions",
    "deliveries",
    "directory",
    "events",
    "forecast",
    "job_details",
    "jobs",
    "licence_details",
    "licences",
    "me",
    "organizations",
    "personas",
    "records",
    "overview",
    "packs",
    "party_details",
    "rosters",
    "session_completions",
    "session_links",
    "sessions",
    "sign_in_mapping",
    "sign_ins",
    "signing_in",
    "sweeps",
    "transcripts",
    "uploads",
    "verification",
    "webhooks",
]
