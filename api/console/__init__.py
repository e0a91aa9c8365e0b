"""The pages' door: one module for each noun, templates, and errors as pages. The public pages need no sign-in.

A page reads the request, calls one verb of `shared.services`, and shows the result.
"""

from api.console import (
    assign,
    assignments,
    audit,
    bulk,
    certificate_settings,
    certificates,
    courses,
    deliveries,
    home,
    jobs,
    licences,
    me,
    overview,
    packs,
    parties,
    parties_moving,
    personas,
    problems,
    reference,
    rosters,
    session_completions,
    session_links,
    sessions,
    settings,
    sign_in_settings,
    sign_ins,
    signing_in,
    static_files,
    transcripts,
    uploads,
    verify,
    versions,
    views,
    webhooks,
)
from api.console.frame import answer_unknown

PUBLIC = (
    certificates.by_link,
    home.router,
    personas.router,
    problems.router,
    reference.router,
    session_links.router,
    signing_in.router,
    static_files.router,
    verify.router,
)
"""Routes without sign-in, with or without training. They say themselves if something is not available."""

TRAINING = (certificates.router,)
"""Routes that work only if training is deployed and available to the caller's organization."""

PAGES = (
    overview.router,
    overview.training,
    assign.router,
    assignments.router,
    bulk.assignments,
    bulk.licences,
    packs.router,
    jobs.router,
    parties.router,
    parties_moving.router,
    courses.router,
    versions.router,
    me.router,
    deliveries.router,
    webhooks.router,
    audit.router,
    sessions.router,
    rosters.router,
    session_completions.router,
    licences.router,
    transcripts.router,
    certificate_settings.router,
    uploads.router,
    views.router,
)
"""The pages for signed-in people, mounted where training is deployed."""

CORE = (settings.router, sign_ins.router, sign_in_settings.router)
"""The pages for signed-in people that work with or without training."""

WITHOUT_TRAINING = (overview.without_training,)
"""The pages for signed-in people in a deployment without training."""

__all__ = ["CORE", "PAGES", "PUBLIC", "TRAINING", "WITHOUT_TRAINING", "answer_unknown"]
