"""Sessions and licences as the staff uses them: the six steps of the sessions document, end to end."""

import time_machine

from shared.access import Permission
from tests.assignments.asking import recipients
from tests.drain import InProcessWorker
from tests.factories import Org
from tests.sessions.sitting import outcomes, roster


def test_staff_schedules_completes_and_amends_a_session_that_grants_licences(org: Org, worker: InProcessWorker) -> None:
    org.with_parties("ada", "bo", "cy", "dee")
    staff, anybody = org.client(Permission.ADMIN), org.client(Permission.CHECK_LICENCES)

    # 1. Create or pick the training in the catalogue, with its mode.
    course = org.with_course(title="Sensitive conversations", mode="flex", label="v1")

    # 2. Schedule a session: date and mode.
    with time_machine.travel("2026-03-01T09:00:00Z", tick=False):
        scheduled = staff.post(
            "/v1/sessions",
            json={
                "courseId": course,
                "mode": "online",
                "startsAt": "2026-03-10T13:00:00Z",
                "endsAt": "2026-03-10T16:00:00Z",
                "timeZone": "Europe/Amsterdam",
                "joinUrl": "https://meet.example/training",
            },
        )
        session = scheduled.headers["location"]
        session_id = scheduled.json()["id"]

        # 3. Build the roster as registrations arrive; it can change until the session is completed.
        for registered in (("ada", "bo"), ("cy",)):
            staff.post(f"{session}/roster", json={"recipients": recipients(*registered)})
        staff.delete(f"{session}/roster/cy")
        staff.post(f"{session}/roster", json={"recipients": recipients("dee")})
        assert set(outcomes(org, session_id).values()) == {None}

    # 4. Run the session. Remove a party that did not attend from the roster, or mark it absent.
    # 5. Complete the session: each party on the roster that attended gets a one-year licence.
    with time_machine.travel("2026-03-10T16:05:00Z", tick=False):
        assert staff.put(f"{session}/roster/dee", json={"attendance": "absent"}).status_code == 200
        staff.post(f"{session}/complete")
        worker.drain(org.id)
    assert outcomes(org, session_id) == {"ada": "licensed", "bo": "licensed", "dee": "not-attended"}
    licence = roster(org, session_id)["ada"]["licenceId"]

    # 6. Correct mistakes afterwards: here the roster was wrong, so the session is amended.
    amendment = {"add": recipients("dee"), "remove": recipients("bo"), "reason": "Dee sat in Bo's seat"}
    with time_machine.travel("2026-03-11T09:00:00Z", tick=False):
        staff.post(f"{session}/amend", json=amendment)
        worker.drain(org.id)
    assert outcomes(org, session_id) == {"ada": "licensed", "bo": "removed", "dee": "licensed"}
    assert roster(org, session_id)["ada"]["licenceId"] == licence
    assert anybody.get(session).status_code == 403
