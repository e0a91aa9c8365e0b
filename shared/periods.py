"""The periods that sums are counted by: weeks from Monday and calendar months, in the time zone of an organization."""

from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any

from dateutil.relativedelta import relativedelta
from sqlalchemy import ColumnElement, SQLColumnExpression, func


class Period(StrEnum):
    """The period of a forecast: a week from Monday, or a calendar month."""

    WEEK = "week"
    MONTH = "month"

    @property
    def length(self) -> relativedelta:
        """The time from the first day of a period to that of the next one."""
        return relativedelta(weeks=1) if self is Period.WEEK else relativedelta(months=1)

    def first_day(self, day: date) -> date:
        """The first day of the period that a day belongs to."""
        return day - timedelta(days=day.weekday()) if self is Period.WEEK else day.replace(day=1)

    def begun_by(self, instant: SQLColumnExpression[Any], zone: str) -> ColumnElement[datetime]:
        """The first day of the period that an instant belongs to in this time zone, as midnight without a zone, in SQL.

        PostgreSQL's weeks begin on Monday, too.
        """
        return func.date_trunc(str(self), func.timezone(zone, instant))
