"""Packs: files of evidence for an outsider, with what held on a day and the proofs of the events that say so.

Owns the tables `pack`, `pack_person` and `pack_part`. What stands in a pack joins several nouns: `shared.services`.
"""

from shared.packs.models import Pack
from shared.packs.moving import move_packs, move_packs_back
from shared.packs.schemas import (
    MOST_PEOPLE,
    MOST_RECORDS,
    PackAnswer,
    PackContent,
    PackHead,
    PackJob,
    PackPreview,
    PackRequest,
)
from shared.packs.storing import (
    chosen,
    contents,
    create,
    delete_packs,
    digests,
    everybody,
    finish,
    get_pack,
    held,
    holding,
    known_among,
    list_packs,
    organizations_with_packs_over,
    over,
    people_of,
    put,
    stored_parts,
)
from shared.packs.zipping import zipped

__all__ = [
    "move_packs",
    "move_packs_back",
    "MOST_PEOPLE",
    "MOST_RECORDS",
    "Pack",
    "PackAnswer",
    "PackContent",
    "PackHead",
    "PackJob",
    "PackPreview",
    "PackRequest",
    "chosen",
    "contents",
    "create",
    "delete_packs",
    "digests",
    "everybody",
    "finish",
    "get_pack",
    "held",
    "holding",
    "known_among",
    "list_packs",
    "organizations_with_packs_over",
    "over",
    "people_of",
    "put",
    "stored_parts",
    "zipped",
]
