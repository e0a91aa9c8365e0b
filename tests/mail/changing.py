"""Steps of the tests of mails about changes: assign, change, and read the codes of the deliveries."""

from typing import Any

from tests.mail.correspondence import Correspondence

TITLE = "Hydrogen-sulfide response"


def assigned(mails: Correspondence, **fields: Any) -> str:
    """Assign a course to Ada, and send the mail. Returns the id of the assignment."""
    job = mails.assign("ada", **{"dueOn": "2026-06-30", "reason": "Refresh"} | fields)
    mails.deliver()
    found: str = mails.org.client().get("/v1/assignments", params={"jobId": job["id"]}).json()["items"][0]["id"]
    return found


def edit(mails: Correspondence, assignment_id: str, client: Any = None, **fields: Any) -> None:
    """Change an assignment through the API."""
    answer = (client or mails.org.client()).patch(f"/v1/assignments/{assignment_id}", json=fields)
    assert answer.status_code == 200, answer.text


def act(mails: Correspondence, assignment_id: str, what: str, **fields: Any) -> None:
    """Close, reopen, reassign or complete an assignment through the API."""
    answer = mails.org.client().post(f"/v1/assignments/{assignment_id}/{what}", json=fields)
    assert answer.status_code == 200, answer.text


def codes(mails: Correspondence) -> list[str | None]:
    """The codes of the deliveries to Ada."""
    return [code for receiver, _, code in mails.states() if receiver == "ada"]
