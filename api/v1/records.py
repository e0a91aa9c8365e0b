"""Records of the past: imported as a job, from JSON, NDJSON or CSV."""

from email.message import Message
from typing import Annotated, Any

from fastapi import Depends, Query, Request, Response, status

from api.http.accepting import Accepting
from api.http.dependencies import CurrentCaller, Db, Now, allow
from api.http.routing import Router, UnsupportedMediaType
from api.v1.jobs import answer_accepted
from shared.jobs import JobAnswer
from shared.licences import MAX_RECORDS, RECORD_TYPES, RecordRequest, RecordsPreview
from shared.services import records
from shared.services.records import Sent

router = Router("/v1/records", "records")

BODY: dict[str, Any] = {
    "required": True,
    "content": {
        "application/json": {
            "schema": {
                "type": "object",
                "required": ["records"],
                "additionalProperties": False,
                "properties": {
                    "records": {
                        "type": "array",
                        "minItems": 1,
                        "maxItems": MAX_RECORDS,
                        "items": RecordRequest.model_json_schema(),
                    }
                },
            }
        },
        "application/x-ndjson": {"schema": {"type": "string", "description": "One record a line, as JSON."}},
        "text/csv": {
            "schema": {
                "type": "string",
                "description": "Column names, then a record a line. Commas, semicolons or tabs; UTF-8, UTF-16 or "
                "Windows-1252; days as 2026-12-31 or 31.12.2026.",
            }
        },
    },
}
"""The body in the OpenAPI document. It is parsed row by row, not by FastAPI, so that a bad row fails no other one."""

ConfirmOwnIssuer = Annotated[
    bool,
    Query(
        alias="confirmOwnIssuer",
        description="Confirm that rows may name your own organization as issuer; else such a row fails.",
    ),
]


async def _sent(request: Request, confirm_own_issuer: ConfirmOwnIssuer = False) -> Sent:
    stated = Message()
    stated["content-type"] = request.headers.get("content-type") or "none/none"
    media_type = stated.get_content_type()
    if media_type not in RECORD_TYPES:
        raise UnsupportedMediaType(f"Send records as one of these Content-Types: {', '.join(RECORD_TYPES)}.")
    return Sent(media_type, await request.body(), stated.get_content_charset(), confirm_own_issuer)


SentRecords = Annotated[Sent, Depends(_sent)]


@router.post(
    "",
    status_code=status.HTTP_202_ACCEPTED,
    dependencies=[allow(records.import_records)],
    openapi_extra={"requestBody": BODY},
)
def import_records(
    sent: SentRecords, db: Db, caller: CurrentCaller, accepting: Accepting, now: Now, response: Response
) -> JobAnswer:
    """Submit the import of up to 50,000 licences that were earned elsewhere or before, as a job.

    Its results name each row. Nobody is mailed. Of a party's licences of a course the one that ends last counts.
    """
    accepted = records.import_records(db, caller, sent, accepting.key, workers=accepting.workers, now=now)
    return answer_accepted(accepted, accepting, response)


@router.post("/preview", dependencies=[allow(records.preview_records)], openapi_extra={"requestBody": BODY})
def preview_records(sent: SentRecords, db: Db, caller: CurrentCaller, now: Now) -> RecordsPreview:
    """Count the outcomes that an import would have now, with up to 20 rows of each. Writes nothing."""
    return records.preview_records(db, caller, sent, now)
