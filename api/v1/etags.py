"""Entity tags: the revision that a caller has read, so that two callers do not overwrite each other's changes."""

import re
from typing import Annotated

from fastapi import Depends, Header, Request

from shared.errors import Problem

_TAG = r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"'
_LIST = re.compile(rf"[\s,]*{_TAG}(?:\s*,[\s,]*{_TAG})*[\s,]*")
_OURS = re.compile(r'(?<!W/)"([1-9][0-9]{0,9})"')


class MalformedIfMatch(Problem):
    """The header `If-Match` cannot be parsed. Ignoring it would skip the check of the revision."""

    slug, status, title = "bad-request", 400, "Bad request"

    def __init__(self) -> None:
        super().__init__('If-Match must be the ETag of what you read, with its quotation marks, such as "3".')


def etag(revision: int) -> str:
    """Return the strong tag of a revision, for the header `ETag`."""
    return f'"{revision}"'


def revisions(if_match: str | None) -> frozenset[int] | None:
    """Return the revisions that a header `If-Match` accepts; None for any, if it is absent or `*`.

    Weak and foreign tags never match (RFC 9110, 13.1.1), so the result can be empty.
    Raises MalformedIfMatch.
    """
    if if_match is None or if_match.strip() == "*":
        return None
    if not _LIST.fullmatch(if_match):
        raise MalformedIfMatch
    return frozenset(int(revision) for revision in _OURS.findall(if_match))


async def _expected(
    request: Request,
    _: Annotated[str | None, Header(alias="If-Match", description="The `ETag` that you have read.")] = None,
) -> frozenset[int] | None:
    given = request.headers.getlist("if-match")
    return revisions(",".join(given) if given else None)


Expected = Annotated[frozenset[int] | None, Depends(_expected)]
"""The revisions that the caller may have read, None for any."""
