"""Uploads: files that somebody has sent to the console and repairs there, before their rows go in.

Owns the table `upload`. Guarantees that a file is seen by the sign-in that has sent it and by nobody else, and is
deleted after 24 hours. It knows nothing of the rows: `shared.services.uploads` lets the nouns check and take them.
"""

from shared.uploads.actions import KEPT, get, keep, purge
from shared.uploads.contents import unpacked
from shared.uploads.models import Purpose, Upload

__all__ = ["KEPT", "Purpose", "Upload", "get", "keep", "purge", "unpacked"]
