"""`rollcall org sign-in`: the operator binds an issuer to an organization, and takes it away."""

from pathlib import Path

import pytest

from cli.failures import FAILURE, USAGE
from cli.main import run_command
from shared.access import SignInIssuer, list_groups, list_issuers
from shared.settings import Settings
from tests.factories import Org
from tests.feed import recorded

ISSUER = "https://id.example.com/realms/acme"


def ran(*arguments: str) -> int:
    """Return the exit code of the command."""
    return run_command(["org", "sign-in", *arguments])


def bound(org: Org) -> list[SignInIssuer]:
    """Return the issuers of an organization."""
    with org.transaction() as db:
        return list(list_issuers(db))


def test_an_issuer_is_bound_and_its_address_to_come_back_to_is_told(
    org: Org, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("a client's secret\n")
    given = ["--client-id", "rollcall", "--client-secret-file", str(secret), "--administrators", "bosses"]
    assert ran(org.id, "--issuer", ISSUER, *given) == 0
    assert "http://127.0.0.1:8000/sign-in/callback" in capsys.readouterr().out
    (issuer,) = bound(org)
    assert (issuer.name, issuer.client_id, issuer.scope) == ("id.example.com", "rollcall", "openid profile")
    assert issuer.client_secret is not None
    assert b"secret" not in issuer.client_secret
    assert ran(org.id, "--issuer", ISSUER, "--client-id", "other", "--name", "acme") == 0
    (again,) = bound(org)
    assert (again.id, again.name, again.client_id, again.client_secret) == (issuer.id, "acme", "other", None)
    with org.transaction() as db:
        (group,) = list_groups(db, issuer.id)
    assert group.group_name == "bosses"
    assert ran(org.id, "--end", "--name", "acme") == 0
    assert bound(org) == []
    types = [event.type for event in recorded(org) if event.type.startswith("sign_in")]
    assert types == ["sign_in_issuer.bound", "sign_in_issuer.bound", "sign_in_issuer.unbound"]


def test_the_issuer_of_the_settings_is_bound_without_naming_it(org: Org, monkeypatch: pytest.MonkeyPatch) -> None:
    assert ran(org.id) == USAGE
    for name, value in {"ISSUER": ISSUER, "CLIENT_ID": "rollcall", "CLIENT_SECRET": "kept in the settings"}.items():
        monkeypatch.setenv(f"ROLLCALL_OIDC_{name}", value)
    assert ran(org.id) == 0
    (issuer,) = bound(org)
    assert (issuer.issuer, issuer.client_id, issuer.client_secret) == (ISSUER, "rollcall", None)
    assert ran(org.id, "--issuer", "https://other.example") == USAGE  # the client of the settings is not one of it


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--issuer", "http://id.example.com", "--client-id", "x"], USAGE),
        (["--issuer", "https://id.example.com/?a=b", "--client-id", "x"], USAGE),
        (["--issuer", "https://u:p@id.example.com", "--client-id", "x"], USAGE),
        (["--issuer", "id.example.com", "--client-id", "x"], USAGE),
        (["--issuer", ISSUER, "--client-id", "x", "--name", "a:b"], USAGE),
        (["--issuer", ISSUER], USAGE),
        (["--end", "--name", "never-bound"], FAILURE),
    ],
)
def test_a_wrong_binding_is_refused_in_a_sentence(org: Org, arguments: list[str], code: int) -> None:
    assert ran(org.id, *arguments) == code
    assert bound(org) == []


def test_an_organization_that_was_never_added_has_no_issuer(configured: Settings) -> None:
    assert ran("nobody", "--issuer", ISSUER, "--client-id", "x") == FAILURE


def test_two_issuers_of_an_organization_have_two_names(org: Org) -> None:
    assert ran(org.id, "--issuer", ISSUER, "--client-id", "x", "--name", "id") == 0
    assert ran(org.id, "--issuer", "https://other.example", "--client-id", "x", "--name", "id") == FAILURE
    assert ran(org.id, "--issuer", "https://other.example", "--client-id", "x") == 0
    assert [one.name for one in bound(org)] == ["id", "other.example"]
