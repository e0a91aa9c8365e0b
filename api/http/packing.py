"""The file of a pack as an answer, which is read and compressed while it is sent."""

from fastapi.responses import StreamingResponse

from api.http.parts import Parts
from api.http.turns import in_turns
from shared.packs import Pack
from shared.services import packs


class PackFile(StreamingResponse):
    """A ZIP file."""

    media_type = "application/zip"


def file_of(parts: Parts, org_id: str, pack: Pack) -> PackFile:
    """Return the answer with the file of a pack that is ready."""
    content = packs.content_of_pack(parts.database, org_id, pack.id, pack.asked_at)
    headers = {"Content-Disposition": f'attachment; filename="pack-{pack.on_day.isoformat()}.zip"'}
    return PackFile(in_turns(parts, org_id, content), headers=headers)
