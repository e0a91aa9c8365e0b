"""One published problem, as people read about it."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Known:
    """A problem. means, remedy: what has happened, and what to do next, for people. detail, extra: of the example."""

    slug: str
    status: int
    title: str
    means: str
    remedy: str
    detail: str
    extra: dict[str, Any] = field(default_factory=dict)

    def example(self) -> dict[str, Any]:
        """Return a problem document of this kind."""
        return {
            "type": f"urn:rollcall:problem:{self.slug}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
        } | self.extra
