"""Policies on the wire: what `POST /v1/policies/simulate` takes and answers."""

from datetime import date
from typing import Annotated, Self

from pydantic import Field, model_validator

from shared.catalogue import EarlyRenewal, LicenceEnds, LicenceFrom, LicenceMonths, RenewalDays
from shared.licences.schemas import Explanation
from shared.wire import Answer, Instant, Line, Received, ReceivedInstant

MOST_TRAININGS = 500


class PolicyRequest(Received):
    """A course's policy for the dates of its licences, under the names and with the defaults of a course."""

    licence_months: LicenceMonths = 12
    licence_from: LicenceFrom = LicenceFrom.GRANTED
    licence_ends: LicenceEnds = LicenceEnds.INSTANT
    renewal_window_days: RenewalDays | None = None
    early_renewal: EarlyRenewal = EarlyRenewal.RESETS
    renewable_days: RenewalDays | None = None


class TrainingRequest(Received):
    """One training: when its sitting ended, or the day on which an assignment was completed, or neither.

    grantedAt: when the licence is granted, by default when the training ended, or at the beginning of its day.
    """

    granted_at: ReceivedInstant | None = None
    ends_at: ReceivedInstant | None = None
    occurred_on: Annotated[date, Field(ge=date(1900, 1, 1), le=date(8999, 12, 31))] | None = None

    @model_validator(mode="after")
    def _names_one(self) -> Self:
        if self.granted_at is None and self.ends_at is None and self.occurred_on is None:
            raise ValueError("name grantedAt, endsAt or occurredOn")
        if self.ends_at is not None and self.occurred_on is not None:
            raise ValueError("name endsAt for a session or occurredOn for an assignment, not both")
        return self


class SimulationRequest(Received):
    """A policy, and trainings in the order in which their licences are granted: each renews the one before it.

    timeZone: an IANA name, by default the organization's.
    """

    policy: PolicyRequest
    history: Annotated[list[TrainingRequest], Field(min_length=1, max_length=MOST_TRAININGS)]
    time_zone: Line | None = None


class SimulatedLicence(Answer):
    """The licence that one training of the history would give. renewableUntil: null if not after its end."""

    granted_at: Instant
    valid_from: Instant
    expires_at: Instant
    renewable_until: Instant | None
    explanation: Explanation


class Simulation(Answer):
    """One licence for each training, in the order of the request."""

    time_zone: str
    items: list[SimulatedLicence]
