"""A sender without ROLLCALL_SMTP_URL runs beside the system: every mail is planned, and sent by the one that has it.

Guards: the mail switch in the database, and that a sender without a mail server claims no mail.
"""

from collections.abc import Iterator

import pytest
from sqlalchemy import func, select

from shared.deliveries import Channel, Delivery
from shared.deployment.models import Process
from tests.factories import Org
from tests.faults.orders import new_org, submit
from tests.faults.plant import Plant
from tests.mail.server import running
from tests.waiting import within

pytestmark = pytest.mark.timeout(600)

SIZE = 400


def states(crew: Org) -> dict[str, int]:
    with crew.transaction() as db:
        mine = select(Delivery.state, func.count()).where(
            Delivery.org_id == crew.id, Delivery.channel == Channel.EMAIL, Delivery.event_type == "assignment.created"
        )
        return dict(db.execute(mine.group_by(Delivery.state)).tuples().all())


def senders(crew: Org) -> int:
    """Returns how many senders have recorded that they run."""
    with crew.transaction() as db:
        return db.scalar(select(func.count()).where(Process.program == "sender")) or 0


@pytest.fixture
def crew(plant: Plant) -> Iterator[Org]:
    """An organization of this test alone, because what other tests told the large one is counted there too."""
    with new_org(plant.environment) as org:
        yield org


def test_no_mail_is_lost_beside_a_sender_without_a_mail_server(plant: Plant, crew: Org) -> None:
    people = [{"entityId": f"m-{n}", "displayName": "M", "email": f"m{n}@crew.example"} for n in range(SIZE)]
    assert crew.client().put("/v1/parties", json={"parties": people}).status_code == 200
    before = senders(crew)  # those that other tests killed are forgotten only after an hour
    with running() as server, plant.running("worker", "beat", "worker --queues deliveries"):
        with plant.running("worker --queues deliveries", settings={"ROLLCALL_SMTP_URL": server.url}):
            assert within(90, lambda: senders(crew) == before + 2), "both senders must have begun"
            submit(crew, [one["entityId"] for one in people])
            assert within(120, lambda: states(crew) == {"sent": SIZE}), states(crew)
        submit(crew, [one["entityId"] for one in people[:50]])
        assert within(60, lambda: states(crew) == {"sent": SIZE, "queued": 50}), states(crew)
        with plant.running("worker --queues deliveries", settings={"ROLLCALL_SMTP_URL": server.url}):
            assert within(90, lambda: states(crew) == {"sent": SIZE + 50}), states(crew)
    assert len(server.mails) == SIZE + 50
