"""An amendment takes every row lock before the organization's event counter: see docs/locks.md."""

from sqlalchemy import select

from shared import clock, events
from shared.events import Fact
from shared.licences import Licence, LicenceDue
from tests.assignments.asking import codes, read_job, recipients
from tests.assignments.racing import blocked_worker
from tests.drain import InProcessWorker
from tests.factories import OPERATOR, Org
from tests.sessions.sitting import completed


def test_an_amendment_waits_for_a_sweep_before_it_holds_the_event_counter(org: Org, worker: InProcessWorker) -> None:
    """The sweep has locked the row of a licence that the amendment revokes, and goes on to the counter."""
    org.with_parties("party-3")
    session_id = completed(org, worker, "party-1", "party-2")
    sent = {"add": recipients("party-3"), "remove": recipients("party-2"), "reason": "x"}
    job = org.client().post(f"/v1/sessions/{session_id}/amend", json=sent).json()
    with org.transaction() as sweep:
        revoked = sweep.scalars(select(Licence.id).where(Licence.party_id == "party-2")).one()
        sweep.execute(select(LicenceDue).where(LicenceDue.licence_id == revoked).with_for_update())
        with blocked_worker(org, worker, sweep) as working:
            events.record(sweep, OPERATOR, clock.now(), Fact("licence.expiring", f"licence/{revoked}"))
            sweep.commit()
            working.result(30)
    assert codes(org, read_job(org, job)) == {"party-2": "removed", "party-3": "licence-granted"}
