"""Every operation of the API, generated from its OpenAPI document by `make client`."""

from typing import NamedTuple


class Operation(NamedTuple):
    """An operation. query: its parameters by their names here. once: takes `Idempotency-Key`."""

    method: str
    path: str
    query: dict[str, str]
    once: bool = False


# fmt: off
OPERATIONS = {
    "add_to_roster": Operation("POST", "/v1/sessions/{session_id}/roster", {}, False),  # noqa: E501
    "amend_session": Operation("POST", "/v1/sessions/{session_id}/amend", {}, True),  # noqa: E501
    "approve_job": Operation("POST", "/v1/jobs/{job_id}/approve", {}, False),  # noqa: E501
    "archive_course": Operation("POST", "/v1/courses/{course_id}/archive", {}, False),  # noqa: E501
    "cancel_job": Operation("POST", "/v1/jobs/{job_id}/cancel", {}, False),  # noqa: E501
    "cancel_session": Operation("POST", "/v1/sessions/{session_id}/cancel", {}, False),  # noqa: E501
    "change_assignment": Operation("PATCH", "/v1/assignments/{assignment_id}", {}, False),  # noqa: E501
    "change_assignments": Operation("POST", "/v1/assignments/change", {}, True),  # noqa: E501
    "change_availability": Operation("PUT", "/v1/availability", {}, False),  # noqa: E501
    "change_certificate_look": Operation("PUT", "/v1/settings/certificate", {}, False),  # noqa: E501
    "change_course": Operation("PATCH", "/v1/courses/{course_id}", {}, False),  # noqa: E501
    "change_session": Operation("PATCH", "/v1/sessions/{session_id}", {}, False),  # noqa: E501
    "change_settings": Operation("PUT", "/v1/settings", {}, False),  # noqa: E501
    "change_version": Operation("PATCH", "/v1/courses/{course_id}/versions/{version_id}", {}, False),  # noqa: E501
    "change_webhook": Operation("PATCH", "/v1/webhooks/{webhook_id}", {}, False),  # noqa: E501
    "check_licence": Operation("GET", "/v1/licences/check", {'party_id': 'partyId', 'course_id': 'courseId', 'at': 'at'}, False),  # noqa: E501
    "check_licences": Operation("POST", "/v1/licences/check", {}, False),  # noqa: E501
    "close_assignment": Operation("POST", "/v1/assignments/{assignment_id}/close", {}, False),  # noqa: E501
    "close_assignments": Operation("POST", "/v1/assignments/close", {}, True),  # noqa: E501
    "complete_assignment": Operation("POST", "/v1/assignments/{assignment_id}/complete", {}, False),  # noqa: E501
    "complete_assignments": Operation("POST", "/v1/assignments/complete", {}, True),  # noqa: E501
    "complete_session": Operation("POST", "/v1/sessions/{session_id}/complete", {}, True),  # noqa: E501
    "complete_session_task": Operation("POST", "/v1/session-tasks/complete", {}, False),  # noqa: E501
    "correct_licence": Operation("PATCH", "/v1/licences/{licence_id}", {}, False),  # noqa: E501
    "create_assignments": Operation("POST", "/v1/assignments", {}, True),  # noqa: E501
    "create_certificate_link": Operation("POST", "/v1/licences/{licence_id}/certificate-link", {}, True),  # noqa: E501
    "create_course": Operation("POST", "/v1/courses", {}, True),  # noqa: E501
    "create_session_link": Operation("POST", "/v1/assignments/{assignment_id}/session-link", {}, True),  # noqa: E501
    "create_webhook": Operation("POST", "/v1/webhooks", {}, True),  # noqa: E501
    "draft_version": Operation("POST", "/v1/courses/{course_id}/versions", {}, True),  # noqa: E501
    "erase_party": Operation("POST", "/v1/parties/{party_id}/erase", {}, False),  # noqa: E501
    "export_pack": Operation("GET", "/v1/packs/{pack_id}/file", {}, False),  # noqa: E501
    "export_parties_to_repair": Operation("POST", "/v1/parties/repair", {'map': 'map', 'sheet': 'sheet'}, False),  # noqa: E501
    "export_records_to_repair": Operation("POST", "/v1/records/repair", {'confirm_own_issuer': 'confirmOwnIssuer', 'map': 'map', 'sheet': 'sheet'}, False),  # noqa: E501
    "import_records": Operation("POST", "/v1/records", {'confirm_own_issuer': 'confirmOwnIssuer', 'map': 'map', 'sheet': 'sheet'}, True),  # noqa: E501
    "list_assignments": Operation("GET", "/v1/assignments", {'sort': 'sort', 'limit': 'limit', 'cursor': 'cursor', 'course_id': 'courseId', 'course_version_id': 'courseVersionId', 'folder_id': 'folderId', 'party_id': 'partyId', 'state': 'state', 'overdue': 'overdue', 'due_before': 'dueBefore', 'due_after': 'dueAfter', 'job_id': 'jobId'}, False),  # noqa: E501
    "list_courses": Operation("GET", "/v1/courses", {'limit': 'limit', 'cursor': 'cursor', 'q': 'q', 'archived': 'archived'}, False),  # noqa: E501
    "list_deliveries": Operation("GET", "/v1/deliveries", {'limit': 'limit', 'cursor': 'cursor', 'job_id': 'jobId', 'party_id': 'partyId', 'state': 'state', 'channel': 'channel', 'webhook_id': 'webhookId'}, False),  # noqa: E501
    "list_folders": Operation("GET", "/v1/folders", {'limit': 'limit', 'cursor': 'cursor'}, False),  # noqa: E501
    "list_jobs": Operation("GET", "/v1/jobs", {'limit': 'limit', 'cursor': 'cursor', 'state': 'state', 'kind': 'kind'}, False),  # noqa: E501
    "list_licences": Operation("GET", "/v1/licences", {'sort': 'sort', 'limit': 'limit', 'cursor': 'cursor', 'party_id': 'partyId', 'course_id': 'courseId', 'course_version_id': 'courseVersionId', 'session_id': 'sessionId', 'state': 'state', 'folder_id': 'folderId', 'expires_before': 'expiresBefore', 'expires_after': 'expiresAfter'}, False),  # noqa: E501
    "list_my_assignments": Operation("GET", "/v1/me/assignments", {'limit': 'limit', 'cursor': 'cursor'}, False),  # noqa: E501
    "list_my_licences": Operation("GET", "/v1/me/licences", {'limit': 'limit', 'cursor': 'cursor'}, False),  # noqa: E501
    "list_my_sessions": Operation("GET", "/v1/me/sessions", {'limit': 'limit', 'cursor': 'cursor'}, False),  # noqa: E501
    "list_packs": Operation("GET", "/v1/packs", {'limit': 'limit', 'cursor': 'cursor'}, False),  # noqa: E501
    "list_parties": Operation("GET", "/v1/parties", {'limit': 'limit', 'cursor': 'cursor', 'folder_id': 'folderId', 'active': 'active', 'q': 'q'}, False),  # noqa: E501
    "list_roster": Operation("GET", "/v1/sessions/{session_id}/roster", {'limit': 'limit', 'cursor': 'cursor'}, False),  # noqa: E501
    "list_sessions": Operation("GET", "/v1/sessions", {'limit': 'limit', 'cursor': 'cursor', 'course_id': 'courseId', 'state': 'state', 'mode': 'mode', 'from_': 'from', 'to': 'to', 'party_id': 'partyId'}, False),  # noqa: E501
    "list_sweeps": Operation("GET", "/v1/sweeps", {'limit': 'limit', 'cursor': 'cursor'}, False),  # noqa: E501
    "list_versions": Operation("GET", "/v1/courses/{course_id}/versions", {'state': 'state', 'limit': 'limit', 'cursor': 'cursor'}, False),  # noqa: E501
    "list_webhook_deliveries": Operation("GET", "/v1/webhooks/{webhook_id}/deliveries", {'limit': 'limit', 'cursor': 'cursor'}, False),  # noqa: E501
    "list_webhooks": Operation("GET", "/v1/webhooks", {'limit': 'limit', 'cursor': 'cursor'}, False),  # noqa: E501
    "make_pack": Operation("POST", "/v1/packs", {}, True),  # noqa: E501
    "merge_parties": Operation("POST", "/v1/parties/{party_id}/merge", {}, True),  # noqa: E501
    "preview_assignment_change": Operation("POST", "/v1/assignments/change/preview", {}, False),  # noqa: E501
    "preview_assignment_closing": Operation("POST", "/v1/assignments/close/preview", {}, False),  # noqa: E501
    "preview_assignment_reminding": Operation("POST", "/v1/assignments/remind/preview", {}, False),  # noqa: E501
    "preview_assignment_reopening": Operation("POST", "/v1/assignments/reopen/preview", {}, False),  # noqa: E501
    "preview_assignments": Operation("POST", "/v1/assignments/preview", {}, False),  # noqa: E501
    "preview_completing": Operation("POST", "/v1/assignments/complete/preview", {}, False),  # noqa: E501
    "preview_licence_revocation": Operation("POST", "/v1/licences/revoke/preview", {}, False),  # noqa: E501
    "preview_merging": Operation("POST", "/v1/parties/{party_id}/merge/preview", {}, False),  # noqa: E501
    "preview_pack": Operation("POST", "/v1/packs/preview", {}, False),  # noqa: E501
    "preview_records": Operation("POST", "/v1/records/preview", {'confirm_own_issuer': 'confirmOwnIssuer', 'map': 'map', 'sheet': 'sheet'}, False),  # noqa: E501
    "preview_renumbering": Operation("POST", "/v1/parties/{party_id}/renumber/preview", {}, False),  # noqa: E501
    "preview_undo": Operation("POST", "/v1/jobs/{job_id}/undo/preview", {}, False),  # noqa: E501
    "prove_consistency": Operation("GET", "/v1/audit/consistency", {'first': 'first', 'second': 'second'}, False),  # noqa: E501
    "prove_inclusion": Operation("GET", "/v1/audit/inclusion", {'sequence': 'sequence', 'tree_size': 'treeSize'}, False),  # noqa: E501
    "publish_version": Operation("POST", "/v1/courses/{course_id}/versions/{version_id}/publish", {}, False),  # noqa: E501
    "put_folder": Operation("PUT", "/v1/folders/{folder_id}", {}, False),  # noqa: E501
    "put_logo": Operation("PUT", "/v1/settings/certificate/logo", {}, False),  # noqa: E501
    "put_parties": Operation("PUT", "/v1/parties", {'dry_run': 'dryRun', 'map': 'map', 'sheet': 'sheet'}, False),  # noqa: E501
    "read_assignment": Operation("GET", "/v1/assignments/{assignment_id}", {}, False),  # noqa: E501
    "read_audit_head": Operation("GET", "/v1/audit/head", {}, False),  # noqa: E501
    "read_availability": Operation("GET", "/v1/availability", {}, False),  # noqa: E501
    "read_calendar": Operation("GET", "/v1/sessions/{session_id}.ics", {}, False),  # noqa: E501
    "read_certificate": Operation("GET", "/v1/licences/{licence_id}/certificate", {}, False),  # noqa: E501
    "read_certificate_look": Operation("GET", "/v1/settings/certificate", {}, False),  # noqa: E501
    "read_course": Operation("GET", "/v1/courses/{course_id}", {}, False),  # noqa: E501
    "read_credential": Operation("GET", "/v1/licences/{licence_id}/credential", {}, False),  # noqa: E501
    "read_events": Operation("GET", "/v1/events", {'after': 'after', 'types': 'types', 'party_id': 'partyId', 'limit': 'limit', 'wait': 'wait'}, False),  # noqa: E501
    "read_forecast": Operation("GET", "/v1/forecast", {'by': 'by', 'course_id': 'courseId', 'periods': 'periods'}, False),  # noqa: E501
    "read_job": Operation("GET", "/v1/jobs/{job_id}", {'wait': 'wait'}, False),  # noqa: E501
    "read_licence": Operation("GET", "/v1/licences/{licence_id}", {}, False),  # noqa: E501
    "read_licence_history": Operation("GET", "/v1/licences/{licence_id}/history", {}, False),  # noqa: E501
    "read_limits": Operation("GET", "/v1/limits", {}, False),  # noqa: E501
    "read_liveness": Operation("GET", "/health/live", {}, False),  # noqa: E501
    "read_logo": Operation("GET", "/v1/settings/certificate/logo", {}, False),  # noqa: E501
    "read_me": Operation("GET", "/v1/me", {}, False),  # noqa: E501
    "read_metrics": Operation("GET", "/metrics", {}, False),  # noqa: E501
    "read_my_transcript": Operation("GET", "/v1/me/transcript", {}, False),  # noqa: E501
    "read_pack": Operation("GET", "/v1/packs/{pack_id}", {}, False),  # noqa: E501
    "read_party": Operation("GET", "/v1/parties/{party_id}", {}, False),  # noqa: E501
    "read_readiness": Operation("GET", "/health/ready", {}, False),  # noqa: E501
    "read_results": Operation("GET", "/v1/jobs/{job_id}/results", {'outcome': 'outcome', 'limit': 'limit', 'cursor': 'cursor'}, False),  # noqa: E501
    "read_session": Operation("GET", "/v1/sessions/{session_id}", {}, False),  # noqa: E501
    "read_settings": Operation("GET", "/v1/settings", {}, False),  # noqa: E501
    "read_sweep": Operation("GET", "/v1/sweeps/{sweep_id}", {}, False),  # noqa: E501
    "read_transcript": Operation("GET", "/v1/parties/{party_id}/transcript", {}, False),  # noqa: E501
    "read_version": Operation("GET", "/v1/courses/{course_id}/versions/{version_id}", {}, False),  # noqa: E501
    "read_webhook": Operation("GET", "/v1/webhooks/{webhook_id}", {}, False),  # noqa: E501
    "reassign_assignment": Operation("POST", "/v1/assignments/{assignment_id}/reassign", {}, True),  # noqa: E501
    "record_attendance": Operation("PUT", "/v1/sessions/{session_id}/roster/{party_id}", {}, False),  # noqa: E501
    "reinstate_session": Operation("POST", "/v1/sessions/{session_id}/reinstate", {}, False),  # noqa: E501
    "reject_job": Operation("POST", "/v1/jobs/{job_id}/reject", {}, False),  # noqa: E501
    "remind_assignments": Operation("POST", "/v1/assignments/remind", {}, True),  # noqa: E501
    "remove_from_roster": Operation("DELETE", "/v1/sessions/{session_id}/roster/{party_id}", {}, False),  # noqa: E501
    "remove_logo": Operation("DELETE", "/v1/settings/certificate/logo", {}, False),  # noqa: E501
    "remove_webhook": Operation("DELETE", "/v1/webhooks/{webhook_id}", {}, False),  # noqa: E501
    "renumber_party": Operation("POST", "/v1/parties/{party_id}/renumber", {}, True),  # noqa: E501
    "reopen_assignment": Operation("POST", "/v1/assignments/{assignment_id}/reopen", {}, False),  # noqa: E501
    "reopen_assignments": Operation("POST", "/v1/assignments/reopen", {}, True),  # noqa: E501
    "replay_events": Operation("POST", "/v1/webhooks/{webhook_id}/replay", {}, True),  # noqa: E501
    "resend_deliveries": Operation("POST", "/v1/deliveries/resend", {}, True),  # noqa: E501
    "resend_delivery": Operation("POST", "/v1/deliveries/{delivery_id}/redeliver", {}, True),  # noqa: E501
    "retry_job": Operation("POST", "/v1/jobs/{job_id}/retry", {}, True),  # noqa: E501
    "revoke_licence": Operation("POST", "/v1/licences/{licence_id}/revoke", {}, False),  # noqa: E501
    "revoke_licences": Operation("POST", "/v1/licences/revoke", {}, True),  # noqa: E501
    "rotate_webhook_secret": Operation("POST", "/v1/webhooks/{webhook_id}/rotate", {}, True),  # noqa: E501
    "schedule_session": Operation("POST", "/v1/sessions", {}, True),  # noqa: E501
    "search_events": Operation("GET", "/v1/audit/events", {'order': 'order', 'limit': 'limit', 'cursor': 'cursor', 'party_id': 'partyId', 'actor_type': 'actorType', 'actor_id': 'actorId', 'subject': 'subject', 'types': 'types', 'since': 'since', 'until': 'until'}, False),  # noqa: E501
    "simulate_policy": Operation("POST", "/v1/policies/simulate", {}, False),  # noqa: E501
    "start_sweep": Operation("POST", "/v1/sweeps", {}, True),  # noqa: E501
    "stream_job": Operation("GET", "/v1/jobs/{job_id}/stream", {}, False),  # noqa: E501
    "summarize_assignments": Operation("GET", "/v1/assignments/summary", {'by': 'by'}, False),  # noqa: E501
    "summarize_deliveries": Operation("GET", "/v1/deliveries/summary", {'job_id': 'jobId', 'party_id': 'partyId', 'state': 'state', 'channel': 'channel', 'webhook_id': 'webhookId'}, False),  # noqa: E501
    "test_webhook": Operation("POST", "/v1/webhooks/{webhook_id}/test", {}, False),  # noqa: E501
    "undo_job": Operation("POST", "/v1/jobs/{job_id}/undo", {}, True),  # noqa: E501
}
"""By the name of the method."""
