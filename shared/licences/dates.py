"""Until when a licence is good, worked out by PostgreSQL and in UTC.

Months are calendar months: 31 January and one month is 28 February, 29 February and twelve is 28 February. In UTC,
because a month added in a zone with summer time would shift the end by an hour.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Integer, SQLColumnExpression, and_, case, cast, func, literal
from sqlalchemy.types import Text

from shared.licences.models import ExpiryRule


def months_after(instant: SQLColumnExpression[Any], months: SQLColumnExpression[Any]) -> ColumnElement[datetime]:
    """So many calendar months later."""
    later: ColumnElement[Any] = func.timezone("UTC", instant).op("+")(func.make_interval(0, cast(months, Integer)))
    return func.timezone("UTC", later)


def days_after(instant: SQLColumnExpression[Any], days: SQLColumnExpression[Any]) -> ColumnElement[datetime]:
    """So many days later."""
    later: ColumnElement[Any] = func.timezone("UTC", instant).op("+")(func.make_interval(0, 0, 0, cast(days, Integer)))
    return func.timezone("UTC", later)


def expiry(
    granted_at: SQLColumnExpression[Any],
    months: SQLColumnExpression[Any],
    former_expires_at: SQLColumnExpression[Any],
    window_days: SQLColumnExpression[Any],
    keeps_anniversary: SQLColumnExpression[Any],
) -> tuple[ColumnElement[datetime], ColumnElement[str]]:
    """When a licence granted then ends, and by which `ExpiryRule`.

    former_expires_at: the end of the licence it renews, null for none. window_days: null where the course has none.
    A renewal within the window keeps the anniversary where the course says so, unless the former had ended by then.
    And nobody loses time by training again: where the former would have lasted longer, its end stays.
    """
    early = and_(
        keeps_anniversary, former_expires_at > granted_at, former_expires_at <= days_after(granted_at, window_days)
    )
    counted_from = case((early, former_expires_at), else_=granted_at)
    counted = months_after(counted_from, months)
    rule = case(
        (former_expires_at > counted, literal(ExpiryRule.LATER_EXPIRY, Text)),
        (early, literal(ExpiryRule.MONTHS_FROM_ANNIVERSARY, Text)),
        else_=literal(ExpiryRule.MONTHS_FROM_GRANT, Text),
    )
    return func.greatest(counted, former_expires_at), rule
