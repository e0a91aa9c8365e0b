"""Checks of `rollcall doctor` in the running system: writes, mails, the sweep, differing settings, course codes."""

import socket
from urllib.parse import urlsplit

import psycopg
from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError

from shared import access, clock, deployment, licences
from shared.catalogue import Course
from shared.database import Database
from shared.deliveries import Channel
from shared.services import backlog
from shared.settings import PREFIX, Settings

SHOWN = 5

PORTS = {"smtp": 25, "smtp+starttls": 587, "smtps": 465}


class CheckFailed(Exception):
    """Raised by a check. Its text is a sentence with the next step."""


def writes(database: Database) -> str:
    """Checks that the database takes a write."""
    try:
        with database.transaction(None) as db:
            deployment.try_write(db, clock.now())
    except DBAPIError as error:
        if isinstance(error.orig, psycopg.errors.ReadOnlySqlTransaction):
            raise CheckFailed(
                "The database takes no writes. Promote it, or let ROLLCALL_DATABASE_URL name the server that does."
            ) from None
        raise
    return "The database takes writes."


def mail(database: Database, settings: Settings) -> str:
    """Checks that mails are sent: a process can send them, the mail server answers, and none has waited long."""
    now = clock.now()
    with database.transaction(None) as db:
        found = backlog.look(db, settings.features, now)
    waiting = found.deliveries[Channel.EMAIL].waiting
    if not found.mail_is_on:
        return "Off: no mail is planned. A process that starts with ROLLCALL_SMTP_URL switches it on."
    if stuck := found.stuck_mails(now):
        assert stuck.undelivered_since is not None
        minutes = (now - stuck.undelivered_since).total_seconds() / 60
        raise CheckFailed(
            f"{stuck.undelivered:,} mails wait, the oldest for {minutes:,.0f} minutes. {_cause(settings)}"
        )
    if not found.can_send_mail:
        raise CheckFailed(
            "Mail is on, but no running process has ROLLCALL_SMTP_URL: mails wait. Start a sender with it, or switch "
            "mail off with `rollcall mail off`."
        )
    if settings.smtp_url and (why := _unreachable(settings.smtp_url)):
        raise CheckFailed(f"The mail server cannot be reached ({why}). Start it, or correct ROLLCALL_SMTP_URL.")
    return f"On; {waiting:,} mails wait."


def _cause(settings: Settings) -> str:
    if settings.smtp_url and (why := _unreachable(settings.smtp_url)):
        return f"The mail server cannot be reached ({why})."
    return "Start a sender with ROLLCALL_SMTP_URL; GET /v1/deliveries?channel=email names the reason of each."


def _unreachable(smtp_url: str) -> str | None:
    """Returns why no connection to the mail server can be made, or None."""
    at = urlsplit(smtp_url)
    try:
        socket.create_connection((str(at.hostname), at.port or PORTS[at.scheme]), timeout=3).close()
    except OSError as error:
        return error.strerror or type(error).__name__
    return None


def sweep(database: Database) -> str:
    """Checks that every organization was swept."""
    hours = licences.LATE_AFTER.total_seconds() / 3600
    with database.transaction(None) as db:
        behind = licences.organizations_behind(db, clock.now())
    if behind:
        raise CheckFailed(
            f"{behind:,} organizations were not swept for {hours:.0f} hours, so notices of expiry are late. Start "
            "`rollcall beat` and `rollcall worker`, or run `rollcall sweep`."
        )
    return f"Every organization was swept within {hours:.0f} hours."


def processes(database: Database) -> str:
    """Checks that all processes have the same settings, where these decide what is planned, recorded or sent."""
    with database.transaction(None) as db:
        differing = deployment.differences(db, clock.now())
    if differing:
        named = "; ".join(f"{PREFIX}{one.setting.upper()}: {' and '.join(one.processes)}" for one in differing)
        raise CheckFailed(f"Settings differ between processes. {named}. Give all the same, and restart them.")
    return "All processes have the same settings."


def course_codes(database: Database) -> str:
    """Checks that no two courses of an organization have codes that differ only in case or in the coding of accents."""
    same = func.lower(func.normalize(Course.code))
    with database.transaction(None) as db:
        org_ids = access.list_organization_ids(db)
    found = []
    for org_id in org_ids:
        with database.transaction(org_id) as db:
            codes = func.string_agg(Course.code, ", ").label("codes")
            colliding = select(codes).where(Course.org_id == org_id).group_by(same).having(func.count() > 1)
            found += [f"{org_id}: {each}" for each in db.scalars(colliding.order_by(codes))]
    if found:
        more = f" and {len(found) - SHOWN:,} more" if len(found) > SHOWN else ""
        raise CheckFailed(
            f"Course codes that people cannot tell apart: {'; '.join(found[:SHOWN])}{more}. Change one of each."
        )
    return "No two courses of an organization have codes that look the same."
