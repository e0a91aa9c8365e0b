"""The dates that a policy would give, for a history of trainings: by the code that grants, for nobody in particular."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ARRAY, Boolean, ColumnElement, Date, Integer, Select, cast, func, literal, null, select
from sqlalchemy.orm import Session
from sqlalchemy.types import Text

from shared.catalogue import EarlyRenewal, LicenceEnds
from shared.licences.dates import AT, Policy, Training, dates, renewable_until
from shared.licences.explaining import Dated, explain
from shared.licences.models import ExpiryRule
from shared.licences.policies import PolicyRequest
from shared.texts import N_


@dataclass(frozen=True)
class Trained:
    """One training of the history, as the grant of its licence sees it. trained_at, trained_on: as for `grant`."""

    granted_at: datetime
    trained_at: datetime | None
    trained_on: date | None

    @property
    def earned(self) -> str:
        """The training in words, as in an explanation."""
        if self.trained_at is not None:
            return N_("a completed session")
        return N_("a training") if self.trained_on is None else N_("a completed assignment")


@dataclass(frozen=True)
class Simulated:
    """The licence that one training would give. renewable_until: None if it is not renewable after its end."""

    dated: Dated
    renewable_until: datetime | None
    text: str


def simulate(db: Session, policy: PolicyRequest, history: Sequence[Trained], zone: str) -> list[Simulated]:
    """Returns the licence of each training; each renews the one before it. history: in the order of granting.

    One statement, whatever the length of the history. Reads no table.
    """
    rows = db.execute(_walk(_as_sql(policy, zone), history)).all()
    return [_simulated(row, one, policy, zone) for row, one in zip(rows, history, strict=True)]


def _as_sql(policy: PolicyRequest, zone: str) -> Policy:
    return Policy(
        zone=literal(zone, Text),
        months=literal(policy.licence_months, Integer),
        begins=literal(str(policy.licence_from), Text),
        ends=literal(str(policy.licence_ends), Text),
        window_days=literal(policy.renewal_window_days, Integer),
        renewable_days=literal(policy.renewable_days, Integer),
        keeps_anniversary=literal(policy.early_renewal is EarlyRenewal.KEEPS_ANNIVERSARY, Boolean),
    )


def _walk(policy: Policy, history: Sequence[Trained]) -> Select[*tuple[Any, ...]]:
    """Selects the dates of one training after the other: each needs the end of the one before."""
    each = (
        func.unnest(
            literal([one.granted_at for one in history], ARRAY(AT)),
            literal([one.trained_at for one in history], ARRAY(AT)),
            literal([one.trained_on for one in history], ARRAY(Date)),
        )
        .table_valued("granted_at", "trained_at", "trained_on", with_ordinality="n")
        .render_derived("trained")
    )

    def found(former: ColumnElement[Any]) -> list[ColumnElement[Any]]:
        made = dates(policy, Training(each.c.granted_at, each.c.trained_at, each.c.trained_on, former))
        columns: dict[str, ColumnElement[Any]] = {
            "valid_from": cast(made.valid_from, AT),
            "expires_at": made.expires_at,
            "rule": cast(made.rule, Text),
            "counted_from": cast(made.counted_from, AT),
        }
        return [each.c.n.label("n"), *(column.label(name) for name, column in columns.items())]

    first = select(*found(cast(null(), AT))).where(each.c.n == 1)
    walk = first.cte("walk", recursive=True)
    walk = walk.union_all(select(*found(walk.c.expires_at)).select_from(walk).join(each, each.c.n == walk.c.n + 1))
    until = renewable_until(policy.zone, walk.c.expires_at, policy.renewable_days).label("renewable_until")
    return select(walk, until).order_by(walk.c.n)


def _simulated(row: Any, one: Trained, policy: PolicyRequest, zone: str) -> Simulated:
    ends = None if policy.licence_ends is LicenceEnds.INSTANT else str(policy.licence_ends)
    dated = Dated(
        earned=one.earned,
        granted_at=one.granted_at,
        begins_at=row.valid_from or one.granted_at,
        expires_at=row.expires_at,
        rule=ExpiryRule(row.rule),
        months=policy.licence_months,
        counted_from=row.counted_from or one.granted_at,
        ends=ends,
    )
    return Simulated(dated, row.renewable_until, explain(dated, zone))
