"""The published problems, by slug: what each means, what to do next, and an example.

The classes of `shared.errors.Problem` are raised; this is what people read about them: at `/problems`, in
`docs/problems.md` and in the OpenAPI document. A test fails for a class without its entry.
"""

from shared.problems import moving, proof, reaching, requests, training
from shared.problems.known import Known

_ALL = (*moving.ALL, *proof.ALL, *reaching.ALL, *requests.ALL, *training.ALL)
KNOWN = {known.slug: known for known in sorted(_ALL, key=lambda one: one.slug)}
"""Every problem by its slug, in their order."""

__all__ = ["KNOWN", "Known"]
