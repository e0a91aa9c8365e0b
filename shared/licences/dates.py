"""The end of a licence, computed by PostgreSQL in UTC.

Months are calendar months: 31 January plus 1 month is 28 February; 29 February plus 12 months is 28 February. UTC,
because adding a month in a zone with summer time would shift the end by an hour.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Integer, SQLColumnExpression, and_, case, cast, func, literal
from sqlalchemy.types import Text

from shared.licences.models import ExpiryRule


def months_after(instant: SQLColumnExpression[Any], months: SQLColumnExpression[Any]) -> ColumnElement[datetime]:
    """Returns the instant this number of calendar months later."""
    later: ColumnElement[Any] = func.timezone("UTC", instant).op("+")(func.make_interval(0, cast(months, Integer)))
    return func.timezone("UTC", later)


def days_after(instant: SQLColumnExpression[Any], days: SQLColumnExpression[Any]) -> ColumnElement[datetime]:
    """Returns the instant this number of days later."""
    later: ColumnElement[Any] = func.timezone("UTC", instant).op("+")(func.make_interval(0, 0, 0, cast(days, Integer)))
    return func.timezone("UTC", later)


def expiry(
    granted_at: SQLColumnExpression[Any],
    months: SQLColumnExpression[Any],
    former_expires_at: SQLColumnExpression[Any],
    window_days: SQLColumnExpression[Any],
    keeps_anniversary: SQLColumnExpression[Any],
) -> tuple[ColumnElement[datetime], ColumnElement[str]]:
    """Returns the end of a licence that is granted at this instant, and the `ExpiryRule` that gave it.

    former_expires_at: the end of the licence it renews, null if it renews none. window_days: null if the course has no
    renewal window. If the course keeps anniversaries, and the former licence is still valid and ends within the window,
    the months count from its end. Nobody loses time by training again: if the former licence ends later than the
    result, its end is kept.
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
