"""The pages' door: one module for each noun, templates, and errors as pages. The public pages need no sign-in.

A page reads the request, calls one verb of `shared.services`, and shows the result.
"""

from api.console import certificates, home, reference, session_links, signing_in, verify

PUBLIC = (home.router, reference.router, session_links.router, signing_in.router, verify.router)
"""Routes without sign-in, with or without training. They say themselves if something is not available."""

TRAINING = (certificates.router,)
"""Routes that work only if training is deployed and available to the caller's organization."""

__all__ = ["PUBLIC", "TRAINING"]
