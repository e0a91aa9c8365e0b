"""Revoking many licences by a member's job, and granting them again when that job is undone.

- `schemas`: the request, its selection, and the job's request.
- `deciding`: what becomes of each licence, for the preview and for the work of a chunk.
- `work`: revokes the licences of a chunk.
- `undoing`: grants the licences of a chunk again, under new ids. A revoked licence stays revoked.

`licences.revoking` differs: it takes back what should never have been granted, and restores what that had superseded.
"""
