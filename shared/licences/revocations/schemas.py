"""Revoking many licences: the request of the API with its selection, and the job's request."""

import uuid
from typing import Annotated, Any, Self

from pydantic import Field, WrapValidator, model_validator

from shared.jobs import JobRequest, Recipients
from shared.licences.models import LicenceState
from shared.wire import MOST_ITEMS, Id, Paragraph, Received, ReceivedMoment, in_slices

LicenceIds = Annotated[list[uuid.UUID], Field(min_length=1, max_length=MOST_ITEMS), WrapValidator(in_slices)]


class LicenceFilter(Received):
    """A filter for licences, by the parameters of their list. A licence must fit every given field.

    expiresBefore, expiresAfter: an instant, or a day for its beginning in the organization's zone.
    """

    party_id: Id | None = None
    course_id: uuid.UUID | None = None
    course_version_id: uuid.UUID | None = None
    session_id: uuid.UUID | None = None
    state: LicenceState | None = None
    folder_id: Id | None = None
    expires_before: ReceivedMoment | None = None
    expires_after: ReceivedMoment | None = None
    all: bool = False

    def given(self) -> dict[str, Any]:
        """Return the fields that narrow the selection."""
        return self.model_dump(exclude_none=True, exclude={"all"})


class BulkRevocationRequest(Received):
    """Revoke licences, for a reason: those of `licenceIds`, or those that match `filter` now.

    Give exactly one of the two. A filter without a state means every licence that is not revoked, also ended and
    superseded ones. An empty filter needs `all`: true. exceptIds: those that are left out of a filter.
    """

    licence_ids: LicenceIds | None = None
    filter: LicenceFilter | None = None
    all: bool = False
    except_ids: LicenceIds | None = None
    reason: Paragraph

    @model_validator(mode="after")
    def _is_one_way(self) -> Self:
        if (self.licence_ids is None) == (self.filter is None):
            raise ValueError("name one of licenceIds and filter")
        if self.except_ids is not None and self.filter is None:
            raise ValueError("exceptIds goes with filter; leave those out of licenceIds instead")
        if self.filter is not None and not (self.filter.given() or self.filter.all or self.all):
            raise ValueError('name at least one thing to filter by; an empty filter needs "all": true')
        return self


class RevokeJob(JobRequest):
    """A job of kind `licences.revoke`."""

    by: Recipients
    reason: str

    @property
    def recipients_are(self) -> Recipients:
        """The recipients are licences."""
        return self.by
