"""Transcripts: what a party has completed and held, as JSON, a table or PDF; and the history of one licence."""

import uuid
from typing import Annotated, Any, cast

from fastapi import Path, Request
from fastapi.responses import JSONResponse

from api.http.accepted import FILES, PDF, pdf_file, prefers_pdf
from api.http.dependencies import CurrentCaller, CurrentParts, Db, Now, allow
from api.http.files import AskedFile
from api.http.routing import Router
from shared.database import ID_PATTERN
from shared.licences import Correction
from shared.services import transcripts
from shared.services.transcript_papers import TranscriptRow, rows_of, transcript_pdf
from shared.services.transcripts import Transcript
from shared.wire import Answer

router = Router("/v1", "licences")

TABLE = {"schema": {"type": "string", "description": "A row for each assignment, licence and correction."}}
FORMS: dict[int | str, dict[str, Any]] = {
    200: {"content": dict.fromkeys(FILES, TABLE) | {PDF: {"schema": {"type": "string", "format": "binary"}}}}
}


class LicenceHistory(Answer):
    """The history of a licence after it was granted, in order."""

    items: list[Correction]


@router.get(
    "/parties/{party_id}/transcript",
    dependencies=[allow(transcripts.get_transcript)],
    response_class=JSONResponse,
    responses=FORMS,
)
def read_transcript(
    party_id: Annotated[str, Path(pattern=ID_PATTERN)],
    request: Request,
    file: AskedFile,
    db: Db,
    caller: CurrentCaller,
    parts: CurrentParts,
    now: Now,
) -> Transcript:
    """Every assignment that a party completed, and every licence with its corrections in sentences.

    For the party's own member, and for `training.view` in scope. Texts are in the party's language. Records say who
    issued them, and that they were not earned here. `Accept: text/csv`, XLSX or `application/pdf`: the same as a file.
    """
    return _answered(transcripts.get_transcript(db, caller, party_id, now), request, file, parts)


@router.get(
    "/me/transcript",
    dependencies=[allow(transcripts.get_my_transcript)],
    response_class=JSONResponse,
    responses=FORMS,
)
def read_my_transcript(
    request: Request, file: AskedFile, db: Db, caller: CurrentCaller, parts: CurrentParts, now: Now
) -> Transcript:
    """The transcript of the party that the caller represents. 404 for a caller who represents none."""
    return _answered(transcripts.get_my_transcript(db, caller, now), request, file, parts)


@router.get("/licences/{licence_id}/history", dependencies=[allow(transcripts.get_licence_history)])
def read_licence_history(
    licence_id: uuid.UUID, db: Db, caller: CurrentCaller, now: Now, file: AskedFile
) -> LicenceHistory:
    """The history of a licence after it was granted, in sentences: who, when, why, and the former value.

    For the holder's member, and for `training.view` in scope. Texts are in the holder's language.
    """
    found = transcripts.get_licence_history(db, caller, licence_id, now)
    return file.whole(LicenceHistory(items=found), Correction)


def _answered(found: Transcript, request: Request, file: AskedFile, parts: CurrentParts) -> Transcript:
    """Return a transcript in the form that is asked for. FastAPI sends a response as it is."""
    if prefers_pdf(request):
        return cast("Transcript", pdf_file(transcript_pdf(found, parts.settings), "transcript"))
    if file.wanted:
        return cast("Transcript", file.whole(rows_of(found), TranscriptRow))
    return found
