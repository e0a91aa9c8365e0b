"""The transcript of a party, a page to print on A4 and a PDF, for who may see the party and for itself."""

from typing import Annotated

from fastapi import Path, Response

from api.console.frame import ConsoleRouter, CurrentFrame, Frame
from api.http.accepted import pdf_file
from api.http.dependencies import CurrentCaller, CurrentParts, Db, Now, allow
from shared.database import ID_PATTERN
from shared.services import transcripts
from shared.services.transcript_papers import transcript_pdf
from shared.services.transcripts import STATES, Transcript
from shared.texts import Words

router = ConsoleRouter()

PartyId = Annotated[str, Path(pattern=ID_PATTERN)]


@router.get("/parties/{party_id}/transcript", dependencies=[allow(transcripts.get_transcript)])
def show(party_id: PartyId, frame: CurrentFrame, db: Db, caller: CurrentCaller, now: Now) -> Response:
    """The transcript of one person."""
    return _page(frame, transcripts.get_transcript(db, caller, party_id, now), f"/parties/{party_id}")


@router.get(
    "/parties/{party_id}/transcript.pdf", dependencies=[allow(transcripts.get_transcript)], response_class=Response
)
def send(party_id: PartyId, db: Db, caller: CurrentCaller, parts: CurrentParts, now: Now) -> Response:
    """The same as PDF."""
    found = transcripts.get_transcript(db, caller, party_id, now)
    return pdf_file(transcript_pdf(found, parts.settings), "transcript")


@router.get("/me/transcript", dependencies=[allow(transcripts.get_my_transcript)])
def show_mine(frame: CurrentFrame, db: Db, caller: CurrentCaller, now: Now) -> Response:
    """The transcript of the person who is signed in. It says so to a member who represents nobody."""
    if caller.party_id is None:
        return frame.page("me_nobody.html")
    return _page(frame, transcripts.get_my_transcript(db, caller, now), "/me")


@router.get("/me/transcript.pdf", dependencies=[allow(transcripts.get_my_transcript)], response_class=Response)
def send_mine(db: Db, caller: CurrentCaller, parts: CurrentParts, now: Now) -> Response:
    """The same as PDF."""
    found = transcripts.get_my_transcript(db, caller, now)
    return pdf_file(transcript_pdf(found, parts.settings), "transcript")


def _page(frame: Frame, found: Transcript, back: str) -> Response:
    """Return the page, whose texts are in the language of the party. back: the page that it belongs to."""
    paper = Words(found.language, found.time_zone, found.made_at)
    return frame.page(
        "transcript.html", transcript=found, paper=paper, states=STATES, back=back, address=f"{back}/transcript"
    )
