"""The pages' door: one module a noun, templates, and errors as pages. The public pages need no sign-in.

A page reads the request, calls one verb of `shared.services`, and shows the result.
"""

from api.console import certificates, session_links, verify

PUBLIC = (session_links.router, verify.router)
"""Answer without a sign-in, with or without training: they say themselves what is not available."""

TRAINING = (certificates.router,)
"""Answer only where training is deployed and available to the caller's organization."""

__all__ = ["PUBLIC", "TRAINING"]
