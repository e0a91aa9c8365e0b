"""Bodies with rows: JSON, NDJSON, CSV or a workbook, with what the request says of the columns of a file.

A file is opened before a transaction begins: reading a workbook takes another process, and up to some seconds.
"""

from email.message import Message
from typing import Annotated, Any

from fastapi import Depends, Query, Request, Response

from api.http.routing import UnsupportedMediaType
from shared.errors import Fault, InvalidInput
from shared.sheets import CSV, JSON, MEDIA_TYPES, NDJSON, XLSX, Body, meaning_of, opened_of

Map = Annotated[
    list[str],
    Query(
        alias="map",
        default_factory=list,
        max_length=100,
        description="The field of a column of a file, such as `Employee ID=entityId`; `Column=` ignores it. Repeat it "
        "for several columns. Remembered for the organization.",
    ),
]
Sheet = Annotated[
    str | None, Query(max_length=100, description="The sheet of a workbook, where several have a table of that kind.")
]


DryRun = Annotated[bool, Query(alias="dryRun", description="Answer what would happen, and write nothing.")]


async def _bytes(request: Request) -> bytes:
    return await request.body()


def _body(
    request: Request,
    content: Annotated[bytes, Depends(_bytes)],
    said: Map,
    sheet: Sheet = None,
) -> Body:
    stated = Message()
    stated["content-type"] = request.headers.get("content-type") or "none/none"
    media_type = stated.get_content_type()
    if media_type not in MEDIA_TYPES:
        raise UnsupportedMediaType(f"Send the rows as one of these Content-Types: {', '.join(MEDIA_TYPES)}.")
    try:
        now_said = dict(meaning_of(each) for each in said)
    except ValueError as error:
        raise InvalidInput(Fault("?map", str(error).capitalize() + ".")) from None
    body = Body(media_type, content, stated.get_content_charset(), sheet, now_said)
    return Body(**vars(body) | {"opened": opened_of(body)}) if body.is_file else body


SentRows = Annotated[Body, Depends(_body)]
"""The rows of the body. Declare it before `Db`."""


def repaired(body: Body, content: bytes) -> Response:
    """Return the rows to repair as a download: a workbook if one was sent, else CSV."""
    is_workbook = body.opened is not None and body.opened.separator is None
    kind, extension = (XLSX, "xlsx") if is_workbook else (CSV, "csv")
    headers = {"Content-Disposition": f'attachment; filename="rows-to-repair.{extension}"'}
    return Response(content, media_type=kind, headers=headers)


REPAIRED: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The file that was sent, with only the rows that would not go in, and a last column with the "
        "reasons.",
        "content": {
            CSV: {"schema": {"type": "string"}},
            XLSX: {"schema": {"type": "string", "contentEncoding": "binary"}},
        },
    }
}
"""The answer of a route that gives rows to repair, in the OpenAPI document."""


def described(noun: str, model: Any, most: int, least: int = 0) -> dict[str, Any]:
    """Return the description of such a body in the OpenAPI document. It is parsed row by row, not by FastAPI."""
    rows: dict[str, Any] = {"type": "array", "minItems": least, "maxItems": most, "items": model.model_json_schema()}
    content: dict[str, Any] = {
        JSON: {
            "schema": {
                "type": "object",
                "required": [noun],
                "additionalProperties": False,
                "properties": {noun: rows},
            }
        },
        NDJSON: {"schema": {"type": "string", "description": "One row a line, as JSON."}},
        CSV: {
            "schema": {
                "type": "string",
                "description": "Names of columns, then a row a line. Commas, semicolons or tabs; UTF-8, UTF-16 or "
                "Windows-1252; several folders in a cell are separated by |; days as 2026-12-31 or 31.12.2026.",
            }
        },
        XLSX: {
            "schema": {
                "type": "string",
                "contentEncoding": "binary",
                "description": "A workbook (.xlsx) with such a table, at most 100 MiB unpacked.",
            }
        },
    }
    return {
        "required": True,
        "content": content,
    }
