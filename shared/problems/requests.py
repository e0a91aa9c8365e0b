"""Problems of any request: its form and its values, what it names, and the state of what it would change."""

from shared.problems.known import Known

ALL = (
    Known(
        "conflict",
        409,
        "Conflict",
        "The state of something does not allow the request.",
        "Read it again, and decide by its state.",
        "The state does not allow this.",
    ),
    Known(
        "idempotency-key-reused",
        422,
        "Idempotency-Key reused",
        "The same `Idempotency-Key` was sent before with another body or to another address.",
        "Send a new key for a new request. Repeat a request with its own key and exactly the same body.",
        "This Idempotency-Key was used for another request; choose a new key for a new one.",
    ),
    Known(
        "invalid-input",
        422,
        "Invalid input",
        "The request can be read, but some of its values are wrong.",
        "Correct each place that `errors` lists; the text beside it says what would be right.",
        "2 places need correcting.",
        {
            "errors": [
                {"pointer": "/recipients/3/entityId", "detail": "Must be 1 to 64 characters of A-Z a-z 0-9 . _ : -"},
                {"pointer": "?asOf", "detail": "There is no such parameter. This address takes cursor, limit."},
            ]
        },
    ),
    Known(
        "not-acceptable",
        406,
        "Not acceptable",
        "CSV was asked for, and there is no list at this address.",
        "Send `Accept: application/json`.",
        "Only lists are answered as CSV; accept application/json here.",
    ),
    Known(
        "not-found",
        404,
        "Not found",
        "It does not exist, belongs to another organization, or is outside your folders. The answer is the same.",
        "Check the id. If it is right, ask somebody who sees all folders.",
        "There is no such assignment in your organization, or it is outside your scope.",
    ),
    Known(
        "precondition-failed",
        412,
        "Changed meanwhile",
        "Somebody changed it after you read it, so your change was not made.",
        "Read it again, and repeat your change with its new `ETag`.",
        "Somebody changed it since you read it. Read it again and repeat your change.",
    ),
    Known(
        "request-timeout",
        408,
        "Request timed out",
        "The body of the request did not arrive in time.",
        "Send it again, in smaller parts over a slow connection.",
        "The body did not arrive in time.",
    ),
    Known(
        "unsupported-media-type",
        415,
        "Unsupported media type",
        "The body is of a kind that this address does not take.",
        "Set the header `Content-Type` to a kind that the detail names.",
        "Send the body as JSON, with `Content-Type: application/json`.",
    ),
    Known(
        "too-many-views",
        409,
        "Too many views",
        "You have saved as many views of lists as you may, or your organization shares as many as it may.",
        "Delete one that is no longer needed.",
        "A member has at most 50 views besides the shared ones; delete one first.",
    ),
    Known(
        "view-name-taken",
        409,
        "Name taken",
        "A view of the same list has this name already, in whatever letter case.",
        "Choose another name, or replace that view.",
        "There is a view of this list with this name.",
    ),
)
