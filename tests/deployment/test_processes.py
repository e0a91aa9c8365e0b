"""The mail switch and the list of processes: facts of the deployment are in the database, and differences show."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import delete

from cli import waiting
from cli.main import run_command
from cli.system import PROCESS_SETTINGS
from cli.waiting import CheckFailed
from shared import clock, deployment
from shared.database import Database
from shared.deployment import COMPARED, OWN, Presence
from shared.deployment.models import Process
from shared.settings import PREFIX, Settings
from tests.conftest import Servers
from tests.factories import Org
from tests.mail.correspondence import switch_mail

SMTP = "smtp://mail.example"


@pytest.fixture
def database(org: Org) -> Iterator[Database]:
    """The database, with an empty list of processes and mail switched off before and after."""
    for _ in range(2):
        with org.parts.database.transaction(None) as db:
            db.execute(delete(Process))
        switch_mail(org, False)
        if _ == 0:
            yield org.parts.database


def unclassified(names: set[str]) -> set[str]:
    return names - set(COMPARED) - set(OWN)


def test_every_setting_is_either_compared_or_a_process_s_own_for_a_reason() -> None:
    assert unclassified(set(Settings.model_fields)) == set()
    assert set(COMPARED) | set(OWN) == set(Settings.model_fields)
    assert not set(COMPARED) & set(OWN)
    assert unclassified({"made_up"}) == {"made_up"}
    assert {name.removeprefix(PREFIX).lower() for name in PROCESS_SETTINGS} <= set(OWN)


def settings(configured: Settings, **changes: object) -> Settings:
    return Settings.model_validate(configured.model_dump(exclude_unset=True) | changes)


def is_on(database: Database) -> bool:
    with database.transaction(None) as db:
        return deployment.mail_is_on(db)


def test_a_process_with_a_mail_server_switches_mail_on_only_when_it_starts(
    database: Database, configured: Settings, org: Org
) -> None:
    presence = Presence("worker", settings(configured, smtp_url=SMTP))
    Presence("worker", configured).note(database, clock.now())
    assert not is_on(database)
    presence.note(database, clock.now())
    assert is_on(database)
    switch_mail(org, False)
    presence.note(database, clock.now())
    assert not is_on(database), "a process that goes on running must not undo `rollcall mail off`"


def test_rollcall_mail_switches_mail_off_and_on(database: Database, capsys: pytest.CaptureFixture[str]) -> None:
    said = []
    for wanted in ("on", "on", "off", "off"):
        assert run_command(["mail", wanted]) == 0
        said.append(capsys.readouterr().out.partition(":")[0].strip())
        assert is_on(database) is (wanted == "on")
    assert said[:3] == ["Mail is on.", "Mail was on already.", "Mail is off"]
    assert said[3].startswith("Mail was off already.")


def test_migrate_switches_mail_on_only_where_a_mail_server_is_named(
    database: Database, servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROLLCALL_DATABASE_URL", servers.owner_url)
    for smtp_url, on in (("", False), (SMTP, True)):
        monkeypatch.setenv("ROLLCALL_SMTP_URL", smtp_url)
        assert run_command(["migrate"]) == 0
        assert is_on(database) is on


CHANGES = {
    "features": "",
    "link_secret": "l" * 40,
    "public_url": "https://elsewhere.example",
    "webhooks_allow_private": True,
    "smtp_url": SMTP,
    "mail_from": "Other <other@example.org>",
    "mails_a_day": 3,
    "member_url": "https://crew.example/{assignment_id}",
    "stream_length": 2000,
    "statement_timeout": 7,
    "job_window": 9,
    "job_claim_seconds": 9,
    "job_rescue_seconds": 9,
    "jwt_secret": "j" * 40,
    "jwks_url": "https://keys.example/jwks.json",
    "jwt_algorithms": "HS256",
    "jwt_issuer": "somebody",
    "scim_id": "uuid",
    "oidc_issuer": "https://id.example",
    "oidc_client_id": "other",
    "oidc_client_secret": "o" * 40,
    "sign_in_secret": "s" * 40,
}


@pytest.mark.parametrize("name", sorted(set(COMPARED) - {"credential_key"}))
def test_doctor_names_a_setting_that_differs_and_a_process_that_has_it(
    database: Database, configured: Settings, name: str
) -> None:
    now, program = clock.now(), min(COMPARED[name])
    usual = settings(configured, link_secret="u" * 40)
    for _ in range(2):
        Presence(program, usual).note(database, now)
    assert waiting.processes(database) == "All processes have the same settings."
    odd = Presence(program, settings(usual, **{name: CHANGES[name]}))
    odd.note(database, now)
    with pytest.raises(CheckFailed, match=rf"differ between processes. {PREFIX}{name.upper()}: {program} \d+ on "):
        waiting.processes(database)
    odd.end(database)
    assert waiting.processes(database) == "All processes have the same settings."


def test_a_process_that_was_not_seen_for_a_while_is_not_compared(database: Database, configured: Settings) -> None:
    Presence("worker", settings(configured, mails_a_day=3)).note(database, clock.now() - timedelta(minutes=4))
    Presence("worker", configured).note(database, clock.now())
    assert waiting.processes(database) == "All processes have the same settings."


def test_no_value_of_a_setting_is_stored(database: Database, configured: Settings) -> None:
    given = settings(configured, smtp_url="smtp://user:secret-word@mail.example", link_secret="links-" * 9)
    Presence("sender", given).note(database, clock.now())
    with database.transaction(None) as db:
        (row,) = db.query(Process).all()
        assert all(len(print_) == 8 for print_ in row.settings.values())
        assert "secret-word" not in str(row.settings)
    other = given.model_copy(update={"smtp_url": "smtp://user:another@mail.example"})
    assert Presence("sender", other)._row["settings"] == Presence("sender", given)._row["settings"]


def test_doctor_says_that_mail_is_on_and_no_process_can_send_it(
    database: Database, configured: Settings, org: Org, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.services.backlog.Backlog.stuck_mails", lambda *_: None)  # other tests leave mails
    assert waiting.mail(database, configured).startswith("Off")
    switch_mail(org, True)
    Presence("sender", configured).note(database, clock.now())
    with pytest.raises(CheckFailed, match="no running process has ROLLCALL_SMTP_URL"):
        waiting.mail(database, configured)
    Presence("sender", settings(configured, smtp_url=SMTP)).note(database, clock.now())
    assert waiting.mail(database, configured).startswith("On")
    with pytest.raises(CheckFailed, match="mail server cannot be reached"):
        waiting.mail(database, settings(configured, smtp_url="smtp://127.0.0.1:9"))
