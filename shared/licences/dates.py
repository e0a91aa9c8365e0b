"""The dates of a licence, computed by PostgreSQL: for those who grant, and for those who only ask what would be.

Months are calendar months: 31 January plus 1 month is 28 February; 29 February plus 12 months is 28 February. From an
instant they are counted in UTC, because adding a month in a zone with summer time would shift the end by an hour. From
a day, and to the end of a day or month, they are counted in the calendar of the organization's zone, as people count.
An end at the beginning of a day there means that the licence is valid to the end of the day before.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    TIMESTAMP,
    ColumnElement,
    Date,
    DateTime,
    Integer,
    Interval,
    SQLColumnExpression,
    and_,
    case,
    cast,
    func,
    literal,
    null,
    select,
)
from sqlalchemy.orm import Session
from sqlalchemy.types import Text

from shared.access import Organization
from shared.catalogue import Course, EarlyRenewal, LicenceEnds, LicenceFrom
from shared.database import current_org
from shared.licences.models import ExpiryRule

Expression = SQLColumnExpression[Any]

AT = DateTime(timezone=True)
A_DAY, A_MONTH = (cast(literal(text, Text), Interval) for text in ("1 day", "1 month"))
A_MOMENT = cast(literal("1 microsecond", Text), Interval)
"""The least difference of two instants."""


@dataclass(frozen=True)
class Policy:
    """A course's policy as SQL. zone: the organization's. keeps_anniversary: a renewal in time continues from the
    former end. window_days: how many days before that end a renewal is in time; null: none. renewable_days: how many
    days after it; null: none.
    """

    zone: Expression
    months: Expression
    begins: Expression
    ends: Expression
    window_days: Expression
    renewable_days: Expression
    keeps_anniversary: Expression


@dataclass(frozen=True)
class Training:
    """The training that earned a licence, as SQL. trained_at: when it ended; if only its day is known, trained_on.

    former_expires_at: the end of the licence that the new one renews, null if it renews none.
    """

    granted_at: Expression
    trained_at: Expression
    trained_on: Expression
    former_expires_at: Expression


@dataclass(frozen=True)
class Dates:
    """The dates of a licence as SQL. rule: an `ExpiryRule`. valid_from: null for the instant of the grant.

    counted_from: from when the months count, or the end that is kept; null for the instant of the grant.
    """

    valid_from: ColumnElement[datetime | None]
    expires_at: ColumnElement[datetime]
    rule: ColumnElement[str]
    counted_from: ColumnElement[datetime | None]


def policy_of_course(db: Session, *, begins: Expression | None = None) -> Policy:
    """Returns the policy of the `Course` of each row. begins: instead of the course's own."""
    return Policy(
        zone=select(Organization.time_zone).where(Organization.id == current_org(db)).scalar_subquery(),
        months=Course.licence_months,
        begins=Course.licence_from if begins is None else begins,
        ends=Course.licence_ends,
        window_days=Course.renewal_window_days,
        renewable_days=Course.renewable_days,
        keeps_anniversary=Course.early_renewal == EarlyRenewal.KEEPS_ANNIVERSARY,
    )


def months_after(instant: Expression, months: Expression) -> ColumnElement[datetime]:
    """Returns the instant this number of calendar months later."""
    later: ColumnElement[Any] = func.timezone("UTC", instant).op("+")(_months(months))
    return func.timezone("UTC", later)


def days_after(instant: Expression, days: Expression) -> ColumnElement[datetime]:
    """Returns the instant this number of days later."""
    later: ColumnElement[Any] = func.timezone("UTC", instant).op("+")(_days(days))
    return func.timezone("UTC", later)


def renewable_until(zone: Expression, expires_at: Expression, days: Expression) -> ColumnElement[datetime]:
    """Returns until when a renewal counts as one: at the same time of day, this number of days later; null for null."""
    later: ColumnElement[Any] = func.timezone(zone, expires_at).op("+")(_days(days))
    return func.timezone(zone, later)


def begin_of(zone: Expression, day: Expression) -> ColumnElement[datetime]:
    """Returns the first instant of a day in this zone.

    By the last moment of the day before: where clocks repeat or skip the hour after midnight, PostgreSQL reads 00:00 as
    the second of the two.
    """
    before: ColumnElement[Any] = func.timezone(zone, cast(day, TIMESTAMP).op("-")(A_MOMENT))
    return before.op("+")(A_MOMENT)


def last_day(zone: Expression, expires_at: Expression) -> ColumnElement[Any]:
    """Returns the last day, in this zone, on which a licence is valid for at least a moment."""
    return cast(func.timezone(zone, expires_at.op("-")(A_MOMENT)), Date)


def dates(policy: Policy, training: Training) -> Dates:
    """Returns the dates of a licence that is granted for this training.

    It begins when it is granted, or when the training ended, if that was before. If the course keeps anniversaries and
    the licence is renewed in time, the months count from the end of the former licence. In time is: that licence is
    valid and ends within the window, or it has ended and is renewable still, and the result lies ahead. Nobody loses
    time by training again: if the former licence ends later than the result, its end is kept.
    """
    former = training.former_expires_at
    from_training = policy.begins == literal(LicenceFrom.TRAINING, Text)
    known_on = begin_of(policy.zone, training.trained_on)
    trained = func.least(func.coalesce(training.trained_at, known_on), training.granted_at)
    started: ColumnElement[Any] = case((from_training, trained), else_=training.granted_at)
    from_day = and_(from_training, training.trained_at.is_(None), trained == known_on)
    continued = _after_former(policy, former)
    early = and_(former > started, former <= days_after(started, policy.window_days))
    late = and_(
        former <= started, renewable_until(policy.zone, former, policy.renewable_days) > started, continued > started
    )
    in_time = and_(policy.keeps_anniversary, early | late)
    counted = case((in_time, continued), else_=_after_start(policy, started, from_day))
    later = former > counted
    return Dates(
        valid_from=case((and_(from_training, started < training.granted_at), started), else_=null()),
        expires_at=func.greatest(counted, former),
        rule=case(
            (later, literal(ExpiryRule.LATER_EXPIRY, Text)),
            (in_time, literal(ExpiryRule.MONTHS_FROM_ANNIVERSARY, Text)),
            (from_training, literal(ExpiryRule.MONTHS_FROM_TRAINING, Text)),
            else_=literal(ExpiryRule.MONTHS_FROM_GRANT, Text),
        ),
        counted_from=case((later | in_time, former), (from_training, started), else_=cast(null(), AT)),
    )


def _after_start(policy: Policy, started: Expression, from_day: Expression) -> ColumnElement[datetime]:
    """The end of a licence whose months count from its start. from_day: true if the start is a day, not an instant."""
    day = _local_day(policy.zone, started).op("+")(_months(policy.months))
    return _rounded(policy, day, (from_day, begin_of(policy.zone, day)), else_=months_after(started, policy.months))


def _after_former(policy: Policy, former: Expression) -> ColumnElement[datetime]:
    """The end of a licence whose months count from a former end. From an end with a day it ends with a day, too."""
    day = last_day(policy.zone, former).op("+")(_months(policy.months))
    begins_day = begin_of(policy.zone, _local_day(policy.zone, former))
    with_day = begins_day == former, begin_of(policy.zone, day.op("+")(A_DAY))
    return _rounded(policy, day, with_day, else_=months_after(former, policy.months))


def _rounded(
    policy: Policy,
    day: ColumnElement[Any],
    with_day: tuple[Expression, Expression],
    *,
    else_: Expression,
) -> ColumnElement[datetime]:
    """The end as the policy rounds it. day: the last day by the calendar. with_day: when, and how, the end follows from
    the day without being rounded. else_: the end by instants.
    """
    next_month = func.date_trunc("month", day).op("+")(A_MONTH)
    return case(
        (policy.ends == literal(LicenceEnds.END_OF_MONTH, Text), begin_of(policy.zone, next_month)),
        (policy.ends == literal(LicenceEnds.END_OF_DAY, Text), begin_of(policy.zone, day.op("+")(A_DAY))),
        with_day,
        else_=else_,
    )


def _local_day(zone: Expression, instant: Expression) -> ColumnElement[Any]:
    return cast(func.timezone(zone, instant), Date)


def _months(months: Expression) -> ColumnElement[Any]:
    return func.make_interval(0, cast(months, Integer))


def _days(days: Expression) -> ColumnElement[Any]:
    return func.make_interval(0, 0, 0, cast(days, Integer))
