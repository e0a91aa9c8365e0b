"""Finds the ids of a page of assignments, for lists whose filters and order no single index serves.

An index gives rows in one order, and a list with two filters may have its rows anywhere in that order: after the last
of a million, or nowhere. So a page is found in parts that have an index each: the first rows of each part are read, and
the page is taken from these. The parts are *lines* (a state, of a version or a job), the *days* on which a line's
assignments are due, or the *parties* of folders. What is read depends on the size of the page and on the number of
parts, never on the number of assignments: docs/decisions/0024.
"""

import uuid
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import BindParameter, TextClause, bindparam, text
from sqlalchemy.orm import Session

from shared.assignments.models import AssignmentState
from shared.assignments.parts import Statements
from shared.database import current_org
from shared.pagination import Place

LOOKED_THROUGH = (400, 4000)
"""How many assignments are looked through in the order of the list, before days or parties are looked up one by one.
Most pages are found so. The second number is for more parties than these:"""

FEW_PARTIES = 2000

MANY_PARTIES = 20_000
"""More parties than these are on nearly every day, so days are looked up instead of them."""

MOST_FOUND = 1000
"""Up to so many rows a page is found by days, or among many parties. The pages of an export are larger: together they
have all rows, so it is cheaper to walk once along the order of the list."""


Line = tuple[AssignmentState, date | None, date | None]
"""A state, with bounds of the due keys; the second one is excluded."""


@dataclass(frozen=True)
class Wanted:
    """The conditions of a list; None: no condition. by_due: sorted by due date instead of the newest first.

    since, before: bounds of the due key, `before` excluded. overdue: on `today`. folders: of which one must have the
    party, and scope: of which one must have it too.
    """

    today: date
    by_due: bool
    course_id: uuid.UUID | None
    version_id: uuid.UUID | None
    job_id: uuid.UUID | None
    state: AssignmentState | None
    overdue: bool | None
    since: date | None
    before: date | None
    folders: Collection[str] | None
    scope: Collection[str] | None

    def lines(self) -> Iterator[Line]:
        """Yields the states that an assignment may have, each with its bounds of the due key."""
        for state in AssignmentState if self.state is None else (self.state,):
            is_open = state == AssignmentState.ASSIGNED
            if self.overdue is None or not (self.overdue or is_open):
                yield state, self.since, self.before
            elif self.overdue and is_open:
                yield state, self.since, min(self.before or self.today, self.today)
            elif is_open:
                yield state, max(self.since or self.today, self.today), self.before


def find(db: Session, wanted: Wanted, place: Place | None, most: int) -> list[uuid.UUID] | None:
    """Returns the ids of the assignments of a page, at most `most`. place: where it begins.

    None: the list is better read along the index of its order, for a page of an export.
    """
    lines = list(wanted.lines())
    statements = _statements(wanted, lines, place)
    given = {"org": current_org(db), "most": most, **_values(wanted, lines, place)}
    parties = 0 if wanted.folders is None else _count_parties(db, statements, given)
    few = wanted.folders is not None and parties <= FEW_PARTIES
    by_day = not wanted.by_due and (statements.bounded or wanted.job_id is not None)
    if most > MOST_FOUND and not wanted.by_due and not few and (by_day or wanted.folders is not None):
        return None
    for quota in _quotas(wanted, few=few, by_day=by_day):
        ids, enough = db.execute(text(statements.looked_through()), {**given, "quota": quota}).one()
        if enough:
            return list(ids)
    if wanted.folders is not None and (parties <= MANY_PARTIES or not by_day):
        statement = statements.by_party()
    elif by_day:
        statement = statements.by_day()
    else:
        statement = statements.by_line()
    return list(db.scalars(text(statement), given))


def counted(org_id: str, wanted: Wanted, most: int) -> TextClause:
    """Returns the number of assignments of the list, at most `most`, as a subquery. It is counted in the same parts."""
    lines = list(wanted.lines())
    given = {"org": org_id, "most": most, **_values(wanted, lines, None)}
    statement = _statements(wanted, lines, None).counted(MANY_PARTIES)
    used: list[BindParameter[object]] = [
        bindparam(name, value, unique=True) for name, value in given.items() if f":{name}" in statement
    ]
    return text(f"({statement})").bindparams(*used)  # unique: several lists may be counted in one statement


def _statements(wanted: Wanted, lines: Sequence[Line], place: Place | None) -> Statements:
    return Statements(
        by_due=wanted.by_due,
        of_job=wanted.job_id is not None,
        of_course=wanted.course_id is not None,
        of_version=wanted.version_id is not None,
        folders=wanted.folders is not None,
        scope=wanted.scope is not None,
        of_state=len(lines) < len(AssignmentState),
        bounded=any(bound is not None for _, *bounds in lines for bound in bounds),
        further=place is not None,
        backwards=place is not None and place.backwards,
    )


def _values(wanted: Wanted, lines: Sequence[Line], place: Place | None) -> dict[str, object]:
    """Returns the values of the parameters of the statements."""
    return {
        "states": [str(state) for state, _, _ in lines],
        "since": [str(since or "-infinity") for _, since, _ in lines],
        "before": [str(before or "infinity") for _, _, before in lines],
        "course": wanted.course_id,
        "version": wanted.version_id,
        "job": wanted.job_id,
        "folders": None if wanted.folders is None else list(wanted.folders),
        "scope": None if wanted.scope is None else list(wanted.scope),
        "after_key": None if place is None else place.values[0],
        "after_id": None if place is None else place.values[-1],
    }


def _quotas(wanted: Wanted, *, few: bool, by_day: bool) -> Sequence[int]:
    """Returns how many assignments are looked through in the order of the list before its parts are looked up.

    The assignments of a job have no index in the order of their age.
    """
    if wanted.job_id is not None and not wanted.by_due:
        return ()
    if wanted.folders is None:
        return LOOKED_THROUGH[:1] if by_day else ()
    return LOOKED_THROUGH[:1] if few else LOOKED_THROUGH


def _count_parties(db: Session, statements: Statements, given: Mapping[str, object]) -> int:
    counted = db.execute(text(statements.count_parties()), {**given, "most": MANY_PARTIES + 1})
    return int(counted.scalar_one())
