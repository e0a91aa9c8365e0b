"""Policies for the dates of licences: what would a policy give? Courses have policies; see `catalogue`."""

from itertools import pairwise

from sqlalchemy.orm import Session

from shared import access, clock, licences
from shared.access import Caller, Permission
from shared.errors import Fault, InvalidInput
from shared.licences import Simulated, SimulationRequest, Trained, TrainingRequest
from shared.services.verbs import verb


@verb(Permission.VIEW, Permission.ADMIN)
def simulate_policy(db: Session, _: Caller, body: SimulationRequest) -> tuple[str, list[Simulated]]:
    """Return the zone and the licence of each training. Writes nothing and reads no party. Raises InvalidInput."""
    zone = body.time_zone or access.get_organization(db).time_zone
    access.check_time_zone(zone, "/timeZone")
    history = [_trained(one, zone) for one in body.history]
    for n, (before, after) in enumerate(pairwise(history), start=1):
        if after.granted_at < before.granted_at:
            message = "This licence would be granted before the one above it; put the trainings in that order."
            raise InvalidInput(Fault(f"/history/{n}", message))
    return zone, licences.simulate(db, body.policy, history, zone)


def _trained(one: TrainingRequest, zone: str) -> Trained:
    ended = one.ends_at if one.occurred_on is None else clock.begin_of(zone, one.occurred_on)
    granted_at = one.granted_at or ended
    assert granted_at is not None  # the request names one of the three
    return Trained(granted_at, one.ends_at, one.occurred_on)
