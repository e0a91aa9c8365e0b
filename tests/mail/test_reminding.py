"""Mails of `POST /v1/assignments/remind`, by which a member reminds parties of open assignments."""

from datetime import timedelta

import time_machine

from shared import clock
from shared.access import Permission
from tests.assignments.links import anybody
from tests.mail.correspondence import ADA, Correspondence, links, plain


def test_a_reminder_by_a_member_has_a_fresh_link(mails: Correspondence) -> None:
    mails.add_parties(ADA)
    mails.assign("ada", course=mails.org.with_course(), dueOn="2099-06-30")
    (first,) = mails.deliver()
    with time_machine.travel(clock.now() + timedelta(minutes=1)):  # a link names the second at which it ends
        results = remind(mails, "ada")
        assert "/s/" not in results
        (reminder,) = mails.deliver()
    assert reminder["Subject"] == "Reminder: Hydrogen-sulfide response"
    assert "due on 30 June 2099. It is not recorded as completed yet." in " ".join(plain(reminder).split())
    (link,) = links(reminder)
    assert link not in links(first)
    assert anybody(mails.org).post(link.removeprefix(mails.org.parts.settings.public_url)).status_code == 303


def test_a_reminder_is_not_sent_once_the_assignment_is_completed(mails: Correspondence) -> None:
    mails.add_parties(ADA)
    mails.assign("ada")
    mails.deliver()
    remind(mails, "ada")
    (one,) = mails.org.client().get("/v1/assignments").json()["items"]
    assert mails.org.client().post(f"/v1/assignments/{one['id']}/complete").status_code == 200
    assert mails.deliver() == []


def remind(mails: Correspondence, party: str) -> str:
    """Remind a party as a member who may only assign. Returns the results of the job."""
    client = mails.org.client(Permission.ASSIGN)
    answer = client.post("/v1/assignments/remind", json={"filter": {"partyId": party}})
    assert answer.status_code == 202, answer.text
    mails.worker.drain(mails.org.id)
    return client.get(f"/v1/jobs/{answer.json()['id']}/results").text
