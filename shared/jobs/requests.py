"""What a job remembers of the request that made it: a model for each kind, dumped into the job and loaded again.

The dump is public: `GET /v1/jobs/{id}` shows it as `request`, and so does the event `job.submitted`.
"""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

Recipients = Literal["party", "assignment"]


class JobRequest(BaseModel):
    """The base of every kind's request. Only fields that were set are dumped.

    Unknown fields are ignored, because a job may have been submitted by another release.
    """

    model_config = ConfigDict(alias_generator=to_camel, validate_by_name=True, extra="ignore", frozen=True)

    @property
    def recipients_are(self) -> Recipients:
        """The noun whose ids the job's recipients are."""
        return "party"

    def dump(self) -> dict[str, Any]:
        """The request as the job's row holds it."""
        return self.model_dump(mode="json", by_alias=True, exclude_unset=True)
