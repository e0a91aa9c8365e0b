"""Records of the past: imported as a job, from JSON, NDJSON, CSV or a workbook."""

from typing import Annotated

from fastapi import Depends, Query, Response, status

from api.http.accepting import Accepting
from api.http.dependencies import CurrentCaller, Db, Now, allow
from api.http.routing import Router
from api.http.rows import REPAIRED, SentRows, described, repaired
from api.v1.jobs import answer_accepted
from shared.jobs import JobAnswer
from shared.licences import MAX_RECORDS, RecordRequest, RecordsPreview
from shared.services import records
from shared.services.records import Sent

router = Router("/v1/records", "records")

BODY = described("records", RecordRequest, MAX_RECORDS, least=1)

ConfirmOwnIssuer = Annotated[
    bool,
    Query(
        alias="confirmOwnIssuer",
        description="Confirm that rows may name your own organization as issuer; else such a row fails.",
    ),
]


async def _sent(body: SentRows, confirm_own_issuer: ConfirmOwnIssuer = False) -> Sent:
    return Sent(body, confirm_own_issuer)


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


@router.post(
    "/repair",
    dependencies=[allow(records.rows_to_repair)],
    openapi_extra={"requestBody": BODY},
    response_class=Response,
    responses=REPAIRED,
)
def export_records_to_repair(sent: SentRecords, db: Db, caller: CurrentCaller, now: Now) -> Response:
    """Send a file of records, and get back the rows that would fail, with the reasons in a last column.

    In the form, the encoding and the separator that were sent; once corrected, they can be sent again. Writes nothing.
    """
    return repaired(sent.body, records.rows_to_repair(db, caller, sent, now))
