"""Policies for the dates of licences: simulate one before a course gets it."""

from api.http.dependencies import CurrentCaller, Db, allow
from api.http.routing import Router
from shared.licences import Explanation, SimulatedLicence, Simulation, SimulationRequest
from shared.services import policies

router = Router("/v1/policies", "licences")


@router.post("/simulate", dependencies=[allow(policies.simulate_policy)])
def simulate_policy(body: SimulationRequest, db: Db, caller: CurrentCaller) -> Simulation:
    """The dates that a policy gives for a history of trainings, and why. Writes nothing and reads no party.

    Computed by the code that grants licences, so that a course with this policy grants the same dates.
    """
    zone, found = policies.simulate_policy(db, caller, body)
    items = [
        SimulatedLicence(
            granted_at=one.dated.granted_at,
            valid_from=one.dated.begins_at,
            expires_at=one.dated.expires_at,
            renewable_until=one.renewable_until,
            explanation=Explanation(
                rule=one.dated.rule, months=one.dated.months, from_=one.dated.counted_from, text=one.text
            ),
        )
        for one in found
    ]
    return Simulation(time_zone=zone, items=items)
