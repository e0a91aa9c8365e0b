"""A form whose fields come with files, such as a logo with the rest of the look."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from api.http.multipart import name_of, parts_of


@dataclass(frozen=True)
class Upload:
    """A form with files. files: the content by the name of the field; an empty one if none was chosen."""

    fields: dict[str, list[str]]
    files: dict[str, bytes]


async def _upload(request: Request) -> Upload:
    upload = Upload({}, {})
    for head, content in parts_of(request.headers.get("content-type", ""), await request.body()):
        name = name_of(head)
        if head.get_param("filename", None, "content-disposition") is None:
            upload.fields.setdefault(name, []).append(content.decode(errors="replace").replace("\0", ""))
        else:
            upload.files[name] = content
    request.state.sent_form = upload.fields
    return upload


CurrentUpload = Annotated[Upload, Depends(_upload)]
"""Declare it before `Db`, so that the body is read before a transaction begins."""
