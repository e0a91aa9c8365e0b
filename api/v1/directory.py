"""The directory: a source system puts parties and folders, callers list and read them."""

from typing import Annotated

from fastapi import Depends, Path, Response, status

from api.http.accepting import Keeping
from api.http.dependencies import CurrentCaller, CurrentParts, Db, Now, allow, known_organization
from api.http.filtering import PartyFilters
from api.http.lists import AskedList
from api.http.routing import Router
from api.http.rows import REPAIRED, DryRun, SentRows, described, repaired
from shared.directory import MAX_PARTIES, FolderAnswer, FolderRequest, PartyAnswer, PartyRow, SyncAnswer
from shared.services import directory
from shared.wire import Id, Listing, NewId

router = Router("/v1", "directory")
router.dependencies.append(Depends(known_organization, scope="function"))

PartyId = Annotated[Id, Path(description="The party's id in its own system.")]
FolderId = Annotated[NewId, Path(description="The folder's id in its own system.")]


@router.put(
    "/parties",
    dependencies=[allow(directory.put_parties)],
    openapi_extra={"requestBody": described("parties", PartyRow, MAX_PARTIES)},
)
def put_parties(
    body: SentRows, db: Db, caller: CurrentCaller, keep: Keeping, now: Now, dry_run: DryRun = False
) -> SyncAnswer:
    """Create or update up to 10,000 parties as the source system has them, from JSON, NDJSON, CSV or a workbook.

    Bad rows are reported by their number and line, and left out. What a row or a file does not mention stays as it is;
    an empty cell or null clears, except `displayName` and `active`. An erased party stays as it is (`erased`).
    """
    answer = directory.put_parties(db, caller, body, now, dry_run=dry_run)
    if not dry_run:
        keep(answer.created + answer.updated)
    return answer


@router.post(
    "/parties/repair",
    dependencies=[allow(directory.rows_to_repair)],
    openapi_extra={"requestBody": described("parties", PartyRow, MAX_PARTIES)},
    response_class=Response,
    responses=REPAIRED,
)
def export_parties_to_repair(body: SentRows, db: Db, caller: CurrentCaller, now: Now) -> Response:
    """Send a file of people, and get back the rows that would not go in, with the reasons in a last column.

    In the form, the encoding and the separator that were sent; once corrected, they can be sent again. Writes nothing.
    """
    return repaired(body, directory.rows_to_repair(db, caller, body, now))


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
