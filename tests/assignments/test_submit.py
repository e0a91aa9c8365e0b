"""The main job: one request, thousands of parties, every one accounted for."""

from tests.drain import Workshop
from tests.factories import Org


def body(course_id: str, **fields: object) -> dict[str, object]:
    return {"courseId": course_id, "reason": "HSE program annual refresh, Q2 2026"} | fields


def parties(count: int) -> list[str]:
    return [f"party-{n:05}" for n in range(count)]


def recipients(ids: list[str]) -> list[dict[str, str]]:
    return [{"entityType": "party", "entityId": id} for id in ids]


def test_2000_by_folder_all_get_it_and_again_nothing_changes(org: Org, workshop: Workshop) -> None:
    org.with_parties(*parties(2000), folder="drill-floor-crew")
    course = org.with_course(label="v3.2")
    coordinator = org.client()

    accepted = coordinator.post("/v1/assignments", json=body(course, folderIds=["drill-floor-crew"]))
    assert accepted.status_code == 202, accepted.text
    assert accepted.json()["state"] == "queued"
    assert accepted.json()["counts"]["pending"] == 2000
    workshop.drain(org.id)

    job = coordinator.get(accepted.headers["Location"]).json()
    assert (job["state"], job["counts"]["succeeded"]) == ("succeeded", 2000)
    results = coordinator.get(f"/v1/jobs/{job['id']}/results", params={"limit": 500}).json()
    assert {item["code"] for item in results["items"]} == {"created"}
    assert results["nextCursor"]

    again = coordinator.post("/v1/assignments", json=body(course, folderIds=["drill-floor-crew"])).json()
    workshop.drain(org.id)
    job = coordinator.get(f"/v1/jobs/{again['id']}").json()
    assert (job["state"], job["counts"]["unchanged"]) == ("succeeded", 2000)
