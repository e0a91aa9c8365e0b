"""What the tests of this folder ask for: one course, new each time, for all of the crew or for some."""

from typing import Any

from shared.access import Permission
from tests.factories import Org

CREW = "whole-crew"
CREW_SIZE = 20_000


def order(course_id: str, party_ids: list[str] | None = None) -> dict[str, Any]:
    """The body of a submission: to these parties, or else to the whole crew."""
    recipients = [{"entityType": "party", "entityId": party} for party in party_ids or ()]
    to = {"recipients": recipients} if party_ids else {"folderIds": [CREW]}
    return {"courseId": course_id, "reason": "Hydrogen-sulfide response, annual refresh", **to}


def submit(org: Org, party_ids: list[str] | None = None) -> str:
    """Assign a new course to them. Answers the job's id."""
    answer = org.client(Permission.ASSIGN).post("/v1/assignments", json=order(org.with_course(), party_ids))
    assert answer.status_code == 202, answer.text
    job_id: str = answer.json()["id"]
    return job_id


def crew_members(count: int) -> list[str]:
    """The first ids of the crew."""
    return [f"party-{n:05}" for n in range(count)]
