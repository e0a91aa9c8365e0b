"""The assignments, licences and sessions of the party that the caller represents. They need no permission.

Each has what a person needs to read it: the course's title and code, the version's label, summary and materials.
"""

from typing import Any, Self

from pydantic import BaseModel

from api.http.dependencies import Now, Today, allow
from api.http.lists import AskedList
from api.http.routing import Router
from shared.assignments import AssignmentAnswer
from shared.catalogue import Content
from shared.licences import LicenceAnswer
from shared.services import me
from shared.sessions import OwnSession
from shared.wire import Listing

router = Router("/v1/me", "organization")


class _Own(Content):
    @classmethod
    def with_content(cls, answer: BaseModel, row: Any) -> Self:
        """Return an answer with the content of its version, which the row has too."""
        return cls.model_validate({**dict(answer), **dict(Content.model_validate(row))})


class OwnAssignment(AssignmentAnswer, _Own):
    """An assignment of the caller's party, with the content of its version."""


class OwnLicence(LicenceAnswer, _Own):
    """A licence of the caller's party, with the content of its version."""


@router.get("/assignments", dependencies=[allow(me.list_my_assignments)])
def list_my_assignments(asked: AskedList, today: Today, now: Now) -> Listing[OwnAssignment]:
    """The open assignments of the caller's party by due date, then the completed ones.

    Empty for a member who represents no party (`party` of `GET /v1/me` is null).
    """
    rows = me.list_my_assignments(asked.db, asked.caller, now)
    return asked.page(rows, OwnAssignment, lambda row: OwnAssignment.with_content(AssignmentAnswer.of(row, today), row))


@router.get("/licences", dependencies=[allow(me.list_my_licences)])
def list_my_licences(asked: AskedList, now: Now) -> Listing[OwnLicence]:
    """The licences of the caller's party, the newest first. Empty for a member who represents no party."""
    rows = me.list_my_licences(asked.db, asked.caller, now)
    return asked.page(rows, OwnLicence, lambda row: OwnLicence.with_content(LicenceAnswer.of(row, now), row))


@router.get("/sessions", dependencies=[allow(me.list_my_sessions)])
def list_my_sessions(asked: AskedList) -> Listing[OwnSession]:
    """The sessions that the caller's party is expected at, by their start. Empty without a party."""
    return asked.page(me.list_my_sessions(asked.db, asked.caller), OwnSession, OwnSession.of)
