"""The request of a job, as its row stores it: the base of the models, one for each kind.

The stored form is public: `GET /v1/jobs/{id}` shows it as `request`, and so does the event `job.submitted`.
"""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

Recipients = Literal["party", "assignment", "licence", "record"]
"""The noun of a job's recipients. A record is a row of an import: its id is that of its party, then the row."""


class JobRequest(BaseModel):
    """The base of every kind's request. Only fields that were set are stored.

    Unknown fields are ignored, because a job may have been submitted by another release.
    """

    model_config = ConfigDict(alias_generator=to_camel, validate_by_name=True, extra="ignore", frozen=True)

    @property
    def recipients_are(self) -> Recipients:
        """The noun of the job's recipients."""
        return "party"

    def dump(self) -> dict[str, Any]:
        """Return the request as the job's row stores it."""
        return self.model_dump(mode="json", by_alias=True, exclude_unset=True)
