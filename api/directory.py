"""The directory at the front desk: the source system puts parties and folders, people look them up."""

from typing import Annotated, Any

from fastapi import Depends, Path, Query, Request, Response, status

from api.dependencies import DEFAULT_LIMIT, CurrentCaller, Cursor, Db, Limit, Now, allow, organization
from api.routing import Router, UnsupportedMediaType
from shared import directory
from shared.access import Caller, Permission, PermissionDenied
from shared.directory import MAX_PARTIES, FolderAnswer, FolderRequest, PartyAnswer, PartyRow, SyncAnswer
from shared.pagination import page
from shared.wire import Id, Line, Listing

router = Router("/v1", "directory")
router.dependencies.append(Depends(organization, scope="function"))

SEES = (Permission.VIEW, Permission.ADMIN, Permission.SYNC_DIRECTORY)

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
            "schema": {"type": "string", "description": "A header of field names; folders separated by semicolons."}
        },
    },
}
"""Read row by row and not by FastAPI, so that one bad row spoils no other; hence described by hand."""

PartyId = Annotated[Id, Path(description="The party's id in its own system.")]
FolderId = Annotated[Id, Path(description="The folder's id in its own system.")]
PartiesListing = Listing[PartyAnswer]
FoldersListing = Listing[FolderAnswer]


def writer(caller: CurrentCaller) -> Caller:
    """Whoever writes the directory writes all of it: a party is in no folder, hence in no scope, before it is there."""
    if caller.folders is not None:
        raise PermissionDenied("A token that is limited to folders cannot write the directory.")
    return caller


Writer = Annotated[Caller, Depends(writer)]


async def raw_body(request: Request) -> bytes:
    """The body as it came."""
    return await request.body()


@router.put("/parties", dependencies=[allow(Permission.SYNC_DIRECTORY)], openapi_extra={"requestBody": PARTIES_BODY})
def put_parties(
    request: Request, body: Annotated[bytes, Depends(raw_body)], db: Db, caller: Writer, now: Now
) -> SyncAnswer:
    """Make the directory say what the source says of up to 10,000 parties, as JSON, NDJSON or CSV.

    Good rows go in; bad rows are named by their number. What a row leaves out becomes empty, but its folders stay.
    """
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type not in directory.MEDIA_TYPES:
        raise UnsupportedMediaType(f"Send parties as one of these Content-Types: {', '.join(directory.MEDIA_TYPES)}.")
    rows, bad = directory.read_parties(media_type, body)
    synced = directory.put_parties(db, rows, caller.actor, now)
    return SyncAnswer(
        created=synced.created,
        updated=synced.updated,
        unchanged=synced.unchanged,
        failed=len({row.row for row in bad}),
        errors=bad,
    )


@router.get("/parties", dependencies=[allow(*SEES)])
def list_parties(
    db: Db,
    caller: CurrentCaller,
    folder_id: Annotated[Id | None, Query(alias="folderId")] = None,
    active: Annotated[bool | None, Query()] = None,
    q: Annotated[Line | None, Query(description="The beginning of an id or a name.")] = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> PartiesListing:
    """Parties in the caller's scope, by id."""
    rows = directory.parties(db, caller.folders, folder_id=folder_id, active=active, q=q)
    found = page(db, rows, limit=limit, cursor=cursor)
    return PartiesListing(items=[PartyAnswer.of(*row) for row in found.items], next_cursor=found.next_cursor)


@router.get("/parties/{party_id}", dependencies=[allow(*SEES)])
def read_party(party_id: PartyId, db: Db, caller: CurrentCaller) -> PartyAnswer:
    """One party in the caller's scope."""
    return PartyAnswer.of(*directory.party(db, party_id, caller.folders))


@router.post("/parties/{party_id}/erase", dependencies=[allow(Permission.ADMIN, Permission.SYNC_DIRECTORY)])
def erase_party(party_id: PartyId, db: Db, caller: CurrentCaller, now: Now) -> PartyAnswer:
    """Blank a party's name and e-mail address for privacy. Its id, folders and records stay. Again: the same answer."""
    directory.party(db, party_id, caller.folders)
    directory.erase_party(db, party_id, caller.actor, now)
    return PartyAnswer.of(*directory.party(db, party_id, caller.folders))


@router.put(
    "/folders/{folder_id}",
    dependencies=[allow(Permission.SYNC_DIRECTORY)],
    responses={status.HTTP_201_CREATED: {"model": FolderAnswer, "description": "The folder is new."}},
)
def put_folder(
    folder_id: FolderId, body: FolderRequest, response: Response, db: Db, caller: Writer, now: Now
) -> FolderAnswer:
    """Make or rename a folder. `partyIds`, where given, are all the parties in it; each must be in the directory."""
    if directory.put_folder(db, folder_id, body, caller.actor, now):
        response.status_code = status.HTTP_201_CREATED
    return FolderAnswer.of(*directory.folder(db, folder_id, caller.folders))


@router.get("/folders", dependencies=[allow(*SEES)])
def list_folders(db: Db, caller: CurrentCaller, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None) -> FoldersListing:
    """Folders in the caller's scope, by id."""
    found = page(db, directory.folders(db, caller.folders), limit=limit, cursor=cursor)
    return FoldersListing(items=[FolderAnswer.of(*row) for row in found.items], next_cursor=found.next_cursor)
