"""The requests of `test_scope.py`: each operation of the API with what it is about.

A new operation has no entry in `ENTRIES` and fails a test, until its entry says what it is about.
"""

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from tests.assignments.asking import recipients
from tests.sessions.sitting import sitting

Ids = Mapping[str, str]
Kind = Literal["whole", "list", "one", "given", "plain"]


@dataclass(frozen=True)
class Entry:
    """The things that an operation is about.

    kind: `whole`, an act of the whole organization. `list`, a list or sums over many things. `one`, the thing of the
    path. `given`, parties or things whose ids are in the body or the query. `plain`, nothing that quotes a party.
    body, query: a valid request for these ids. reads: True if it changes nothing. shared: True if it may be called for
    a session of which the caller sees only a part, because it is about one entry of its roster.
    """

    kind: Kind
    body: Callable[[Ids], Any] | None = None
    query: Callable[[Ids], str] = lambda ids: ""
    reads: bool = False
    shared: bool = False


REASON = {"reason": "Because"}
INTO, NEW_ID = {"into": "nobody", **REASON}, {"entityId": "new-1", **REASON}
ONE, LIST, WHOLE = Entry("one"), Entry("list", reads=True), Entry("whole")
READ_ONE, READ_PLAIN = Entry("one", reads=True), Entry("plain", reads=True)


def with_body(kind: Kind, content: Callable[[Ids], Any] | dict[str, Any], **fields: Any) -> Entry:
    """An entry with a body that does or does not depend on the ids."""
    return Entry(kind, content if callable(content) else lambda ids: content, **fields)


def asked(ids: Ids) -> dict[str, Any]:
    """A submission for the party."""
    return {"courseId": ids["courseId"], "recipients": recipients(ids["party_id"]), **REASON}


def checked(ids: Ids) -> dict[str, Any]:
    """A check of the party's licence."""
    return {"partyIds": [ids["party_id"]], "courseIds": [ids["courseId"]]}


def named(ids: Ids) -> dict[str, Any]:
    """A selection of the assignment by its id."""
    return {"assignmentIds": [ids["assignment_id"]]}


def changed(ids: Ids) -> dict[str, Any]:
    """A bulk change of the assignment."""
    return named(ids) | {"set": {"dueOn": "2099-01-01"}, "why": "Because"}


def reopened(ids: Ids) -> dict[str, Any]:
    """A bulk reopening of the assignment."""
    return named(ids) | REASON


def struck(ids: Ids) -> dict[str, Any]:
    """A bulk revocation of the licence."""
    return {"licenceIds": [ids["licence_id"]], **REASON}


def a_record(ids: Ids) -> dict[str, Any]:
    """An import of one record of the party."""
    return {"records": [{"partyId": ids["party_id"], "courseId": ids["courseId"], "completedOn": "2025-01-01"}]}


def a_pack(ids: Ids) -> dict[str, Any]:
    """A pack that holds the party."""
    return {"filter": {"partyIds": [ids["party_id"]]}, "on": "2026-01-01"}


ENTRIES: dict[str, Entry] = {
    "POST /v1/packs": with_body("given", a_pack),
    "POST /v1/packs/preview": with_body("given", a_pack, reads=True),
    "GET /v1/packs": LIST,
    "GET /v1/packs/{pack_id}": READ_ONE,
    "GET /v1/packs/{pack_id}/file": READ_ONE,
    "POST /v1/records": with_body("given", a_record),
    "POST /v1/records/preview": with_body("given", a_record, reads=True),
    "GET /v1/licences/check": Entry(
        "given", query=lambda ids: f"partyId={ids['party_id']}&courseId={ids['courseId']}", reads=True
    ),
    "POST /v1/licences/check": with_body("given", checked, reads=True),
    "GET /v1/me": READ_PLAIN,
    "GET /v1/limits": READ_PLAIN,
    "GET /v1/settings": READ_PLAIN,
    "PUT /v1/settings": with_body("whole", {"changeLimit": 1}),
    "GET /v1/availability": READ_PLAIN,
    "PUT /v1/availability": with_body("whole", {"enabled": False}),
    "POST /v1/records/repair": with_body("given", a_record, reads=True),
    "PUT /v1/parties": with_body("whole", {"parties": []}),
    "POST /v1/parties/repair": with_body("whole", {"parties": []}),
    "GET /v1/parties": LIST,
    "GET /v1/parties/{party_id}": READ_ONE,
    "POST /v1/parties/{party_id}/erase": WHOLE,
    **{f"POST /v1/parties/{{party_id}}/merge{then}": with_body("whole", INTO) for then in ("", "/preview")},
    **{f"POST /v1/parties/{{party_id}}/renumber{then}": with_body("whole", NEW_ID) for then in ("", "/preview")},
    "PUT /v1/folders/{folder_id}": with_body("whole", {"name": "Crew"}),
    "GET /v1/folders": LIST,
    "GET /v1/events": LIST,
    "GET /v1/audit/events": LIST,
    "GET /v1/audit/head": READ_PLAIN,
    "GET /v1/audit/inclusion": Entry("plain", query=lambda ids: "sequence=1", reads=True),
    "GET /v1/audit/consistency": Entry("plain", query=lambda ids: "first=1", reads=True),
    "POST /v1/courses": with_body("plain", lambda ids: {"title": "New", "code": uuid.uuid4().hex[:8], "mode": "flex"}),
    "GET /v1/courses": READ_PLAIN,
    "GET /v1/courses/{course_id}": READ_PLAIN,
    "PATCH /v1/courses/{course_id}": with_body("plain", {"description": "New"}),
    "POST /v1/courses/{course_id}/archive": Entry("plain"),
    "POST /v1/courses/{course_id}/versions": with_body("plain", lambda ids: {"label": uuid.uuid4().hex[:8]}),
    "GET /v1/courses/{course_id}/versions": READ_PLAIN,
    "GET /v1/courses/{course_id}/versions/{version_id}": READ_PLAIN,
    "PATCH /v1/courses/{course_id}/versions/{version_id}": with_body("plain", {"summary": "New"}),
    "POST /v1/courses/{course_id}/versions/{version_id}/publish": Entry("plain"),
    "POST /v1/assignments/complete": with_body("given", lambda ids: {"assignmentIds": [ids["assignment_id"]]}),
    "POST /v1/assignments/complete/preview": with_body("given", named, reads=True),
    "POST /v1/assignments/{assignment_id}/complete": with_body("one", {}),
    "POST /v1/assignments/{assignment_id}/reopen": with_body("one", REASON),
    "POST /v1/assignments/{assignment_id}/session-link": with_body("one", {"force": True}),
    "POST /v1/assignments": with_body("given", asked),
    "GET /v1/assignments": LIST,
    "POST /v1/assignments/preview": with_body("given", asked, reads=True),
    "POST /v1/assignments/close": with_body("given", lambda ids: {"assignmentIds": [ids["assignment_id"]], **REASON}),
    "POST /v1/assignments/change": with_body("given", changed),
    "POST /v1/assignments/change/preview": with_body("given", changed, reads=True),
    "POST /v1/assignments/close/preview": with_body("given", reopened, reads=True),
    "POST /v1/assignments/reopen": with_body("given", reopened),
    "POST /v1/assignments/reopen/preview": with_body("given", reopened, reads=True),
    "POST /v1/assignments/remind": with_body("given", named),
    "POST /v1/assignments/remind/preview": with_body("given", named, reads=True),
    "GET /v1/assignments/summary": Entry("list", query=lambda ids: "by=folder", reads=True),
    "GET /v1/assignments/{assignment_id}": READ_ONE,
    "PATCH /v1/assignments/{assignment_id}": with_body("one", {"dueOn": "2099-01-01"}),
    "POST /v1/assignments/{assignment_id}/reassign": with_body(
        "one", lambda ids: {"recipient": recipients("in-1")[0], **REASON}
    ),
    "POST /v1/assignments/{assignment_id}/close": with_body("one", REASON),
    "POST /v1/session-tasks/complete": with_body(
        "given",
        lambda ids: {"taskType": "training_complete", "assignmentId": ids["assignment_id"], "sessionId": "s-1"},
    ),
    "GET /v1/me/assignments": READ_PLAIN,
    "GET /v1/me/licences": READ_PLAIN,
    "GET /v1/me/sessions": READ_PLAIN,
    "POST /v1/sessions": with_body("plain", lambda ids: sitting(ids["courseId"])),
    "GET /v1/sessions": LIST,
    "GET /v1/sessions/{session_id}.ics": READ_ONE,
    "GET /v1/sessions/{session_id}": READ_ONE,
    "PATCH /v1/sessions/{session_id}": with_body("one", {"location": "Elsewhere"}),
    "POST /v1/sessions/{session_id}/cancel": with_body("one", REASON),
    "POST /v1/sessions/{session_id}/reinstate": with_body("one", REASON),
    "POST /v1/sessions/{session_id}/complete": ONE,
    "POST /v1/sessions/{session_id}/amend": with_body("one", lambda ids: {"add": recipients("in-1"), **REASON}),
    "POST /v1/sessions/{session_id}/roster": with_body(
        "one", lambda ids: {"recipients": recipients(ids["party_id"])}, shared=True
    ),
    "GET /v1/sessions/{session_id}/roster": READ_ONE,
    "PUT /v1/sessions/{session_id}/roster/{party_id}": with_body("one", {"attendance": "absent"}, shared=True),
    "DELETE /v1/sessions/{session_id}/roster/{party_id}": Entry("one", shared=True),
    "GET /v1/jobs": LIST,
    "GET /v1/jobs/{job_id}": READ_ONE,
    "GET /v1/jobs/{job_id}/stream": READ_ONE,
    "GET /v1/jobs/{job_id}/results": READ_ONE,
    "POST /v1/jobs/{job_id}/cancel": ONE,
    "POST /v1/jobs/{job_id}/retry": ONE,
    "POST /v1/jobs/{job_id}/approve": ONE,
    "POST /v1/jobs/{job_id}/reject": with_body("one", REASON),
    "POST /v1/jobs/{job_id}/undo": ONE,
    "POST /v1/jobs/{job_id}/undo/preview": ONE,
    "POST /v1/webhooks": with_body("whole", {"url": "https://example.com/", "types": []}),
    "GET /v1/webhooks": WHOLE,
    "GET /v1/webhooks/{webhook_id}": WHOLE,
    "PATCH /v1/webhooks/{webhook_id}": with_body("whole", {"description": "New"}),
    "DELETE /v1/webhooks/{webhook_id}": WHOLE,
    "POST /v1/webhooks/{webhook_id}/rotate": WHOLE,
    "POST /v1/webhooks/{webhook_id}/test": WHOLE,
    "GET /v1/webhooks/{webhook_id}/deliveries": WHOLE,
    "POST /v1/webhooks/{webhook_id}/replay": with_body("whole", {"fromSequence": 1}),
    "GET /v1/deliveries": LIST,
    "GET /v1/deliveries/summary": LIST,
    "POST /v1/deliveries/resend": with_body("whole", {"state": "dead"}),
    "POST /v1/deliveries/{delivery_id}/redeliver": ONE,
    "GET /v1/licences/{licence_id}/credential": READ_ONE,
    "GET /v1/licences": LIST,
    "GET /v1/licences/{licence_id}": READ_ONE,
    "PATCH /v1/licences/{licence_id}": with_body("one", {"note": "New", **REASON}),
    "POST /v1/licences/{licence_id}/revoke": with_body("one", REASON),
    **{f"POST /v1/licences/revoke{then}": with_body("given", struck, reads=bool(then)) for then in ("", "/preview")},
    "GET /v1/forecast": LIST,
    "POST /v1/policies/simulate": with_body(
        "plain", {"policy": {}, "history": [{"occurredOn": "2026-01-31"}]}, reads=True
    ),
    "GET /v1/sweeps": LIST,
    "GET /v1/sweeps/{sweep_id}": READ_PLAIN,
    "POST /v1/sweeps": WHOLE,
    "GET /v1/licences/{licence_id}/certificate": READ_ONE,
    "POST /v1/licences/{licence_id}/certificate-link": ONE,
    "GET /v1/licences/{licence_id}/history": READ_ONE,
    "GET /v1/parties/{party_id}/transcript": READ_ONE,
    "GET /v1/me/transcript": READ_PLAIN,
    "GET /v1/settings/certificate": READ_PLAIN,
    "PUT /v1/settings/certificate": with_body("whole", {"signatoryName": "M. Ortiz"}),
    "GET /v1/settings/certificate/logo": READ_PLAIN,
    "PUT /v1/settings/certificate/logo": WHOLE,
    "DELETE /v1/settings/certificate/logo": WHOLE,
}
"""Every operation under /v1. A new one needs an entry here; see `Entry`."""

SCOPES: dict[str, list[str]] = {"inside": ["inside"], "beside": ["beside"], "empty": []}
"""The folders of tokens that must see nothing of what is outside. `beside` has a party that nothing quotes."""


def problem_of(answer: Any) -> tuple[int, str]:
    """The status and the slug of a refusal."""
    is_problem = answer.headers["content-type"].startswith("application/problem+json")
    return answer.status_code, answer.json()["type"].rpartition(":")[2] if is_problem else ""
