"""The directory: a source system puts parties and folders, callers list and read them."""

from email.message import Message
from typing import Annotated, Any

from fastapi import Depends, Path, Request, Response, status

from api.http.accepting import Keeping
from api.http.dependencies import CurrentCaller, CurrentParts, Db, Now, allow, known_organization
from api.http.filtering import PartyFilters
from api.http.lists import AskedList
from api.http.routing import Router, UnsupportedMediaType
from shared.directory import MAX_PARTIES, MEDIA_TYPES, FolderAnswer, FolderRequest, PartyAnswer, PartyRow, SyncAnswer
from shared.services import directory
from shared.wire import Id, Listing, NewId

router = Router("/v1", "directory")
router.dependencies.append(Depends(known_organization, scope="function"))

PARTIES_BODY: dict[str, Any] = {
    "required": True,
    "content": {
        "application/json": {
            "schema": {
                "type": "object",
                "required": ["parties"],
                "additionalProperties": False,
                "properties": {
                    "parties": {"type": "array", "maxItems": MAX_PARTIES, "items": PartyRow.model_json_schema()}
                },
            }
        },
        "application/x-ndjson": {"schema": {"type": "string", "description": "One party a line, as JSON."}},
        "text/csv": {
            "schema": {
                "type": "string",
                "description": "Column names, then a party a line. Commas, semicolons or tabs; UTF-8, UTF-16 or "
                "Windows-1252; several folders in a cell are separated by |.",
            }
        },
    },
}
"""The body in the OpenAPI document. It is parsed row by row, not by FastAPI, so that a bad row fails no other one."""

PartyId = Annotated[Id, Path(description="The party's id in its own system.")]
FolderId = Annotated[NewId, Path(description="The folder's id in its own system.")]


async def raw_body(request: Request) -> bytes:
    """Return the unparsed body."""
    return await request.body()


@router.put("/parties", dependencies=[allow(directory.put_parties)], openapi_extra={"requestBody": PARTIES_BODY})
def put_parties(
    request: Request, body: Annotated[bytes, Depends(raw_body)], db: Db, caller: CurrentCaller, keep: Keeping, now: Now
) -> SyncAnswer:
    """Create or update up to 10,000 parties as the source system has them, from JSON, NDJSON or CSV.

    Bad rows are reported by their number and line, and left out. What a row or a file does not mention stays as it is;
    an empty cell or null clears, except `displayName` and `active`. An erased party stays as it is (`erased`).
    """
    stated = Message()
    stated["content-type"] = request.headers.get("content-type") or "none/none"
    media_type, charset = stated.get_content_type(), stated.get_content_charset()
    if media_type not in MEDIA_TYPES:
        raise UnsupportedMediaType(f"Send parties as one of these Content-Types: {', '.join(MEDIA_TYPES)}.")
    answer = directory.put_parties(db, caller, media_type, body, now, charset=charset)
    keep(answer.created + answer.updated)
    return answer


@router.get("/parties", dependencies=[allow(directory.list_parties)])
def list_parties(
    asked: AskedList,
    filters: PartyFilters,
) -> Listing[PartyAnswer]:
    """Parties in the caller's scope, by id."""
    rows = directory.list_parties(asked.db, asked.caller, **filters._asdict())
    return asked.page(rows, PartyAnswer, lambda row: PartyAnswer.fields(*row))


@router.get("/parties/{party_id}", dependencies=[allow(directory.get_party)])
def read_party(party_id: PartyId, db: Db, caller: CurrentCaller) -> PartyAnswer:
    """One party in the caller's scope."""
    return PartyAnswer.of(*directory.get_party(db, caller, party_id))


@router.post("/parties/{party_id}/erase", dependencies=[allow(directory.erase_party)])
def erase_party(party_id: PartyId, db: Db, caller: CurrentCaller, parts: CurrentParts, now: Now) -> PartyAnswer:
    """Erase a party's name, address, member and language for good; it is inactive and in no folder from then on.

    Its id and its records stay; the notes of its completions and licences are blanked. Repeated: the same answer.
    """
    return PartyAnswer.of(*directory.erase_party(db, caller, party_id, parts.settings.features, now))


@router.put(
    "/folders/{folder_id}",
    dependencies=[allow(directory.put_folder)],
    responses={status.HTTP_201_CREATED: {"model": FolderAnswer, "description": "The folder is new."}},
)
def put_folder(
    folder_id: FolderId, body: FolderRequest, response: Response, db: Db, caller: CurrentCaller, keep: Keeping, now: Now
) -> FolderAnswer:
    """Create or rename a folder. `partyIds`, if given, become all of its parties. Each must be in the directory."""
    folder, is_new = directory.put_folder(db, caller, folder_id, body, now)
    if is_new:
        response.status_code = status.HTTP_201_CREATED
    keep(len(body.party_ids or ()))
    return FolderAnswer.of(*folder)


@router.get("/folders", dependencies=[allow(directory.list_folders)])
def list_folders(asked: AskedList) -> Listing[FolderAnswer]:
    """Folders in the caller's scope, by id."""
    return asked.page(
        directory.list_folders(asked.db, asked.caller), FolderAnswer, lambda row: FolderAnswer.fields(*row)
    )
