"""The directory's standard door: SCIM 2.0 (RFC 7643, 7644) at `/scim/v2`, for directory services such as Entra ID.

scim2-server serves the protocol; a storage of our own makes each operation a verb of the directory.
"""

from api.scim.routes import PREFIX, answer_unknown, router

__all__ = ["PREFIX", "answer_unknown", "router"]
