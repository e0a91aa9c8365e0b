"""`rollcall org sign-in`: bind an issuer of OpenID Connect to an organization, or take it away, as the operator."""

from pathlib import Path
from typing import Annotated

import typer

from cli.options import DataDir, external_id

Organization = Annotated[
    str, typer.Argument(parser=external_id, metavar="ORG", help="The organization whose members sign in there.")
]
Issuer = Annotated[
    str | None, typer.Option(metavar="URL", help="The issuer. Default: ROLLCALL_OIDC_ISSUER, with its client.")
]
ClientId = Annotated[str | None, typer.Option(metavar="ID", help="The id of this service at the issuer.")]
SecretFile = Annotated[
    Path | None, typer.Option(metavar="FILE", help="A file with the client's secret. Without: a public client.")
]
Name = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="A short name that begins its members' ids. Default: the issuer's host."),
]
Administrators = Annotated[
    str | None, typer.Option(metavar="GROUP", help="A group of the issuer that may do everything.")
]
Scope = Annotated[str, typer.Option(metavar="SCOPES", help="The scopes to ask for.")]
TellsWhen = Annotated[
    bool, typer.Option("--auth-time/--no-auth-time", help="The issuer's tokens say when a person signed in.")
]
End = Annotated[bool, typer.Option("--end", help="Take the issuer (by its address or name) from the organization.")]


def sign_in(
    org: Organization,
    issuer: Issuer = None,
    client_id: ClientId = None,
    client_secret_file: SecretFile = None,
    name: Name = None,
    administrators: Administrators = None,
    scope: Scope = "openid profile",
    tells_when: TellsWhen = True,
    end: End = False,
    data_dir: DataDir = None,
) -> None:
    """Bind an OpenID Connect issuer to an organization, so that its members can sign in to the pages.

    Register the address PUBLIC_URL/sign-in/callback at the issuer. Every change of a binding ends its sign-ins.
    What its groups may do is then changed in the organization's settings.

    \b
    Example:
      rollcall org sign-in acme --issuer https://id.example.com --client-id rollcall --administrators training-admins
    """
    from cli import system
    from shared.access import Binding
    from shared.services import sign_in_mapping

    found = system.find(data_dir)
    settings = found.settings
    with found.database() as database, database.transaction(org) as db:
        if end:
            sign_in_mapping.unbind_issuer(db, name or issuer or settings.oidc_issuer or "")
            typer.echo(f"Members of {org} do not sign in there any more; their sign-ins have ended.")
            return
        address, client = _client(issuer, client_id, settings.oidc_issuer, settings.oidc_client_id)
        binding = Binding(address, client, None, name, administrators, scope, tells_when)
        secret = client_secret_file.read_text().strip() if client_secret_file else None
        bound = sign_in_mapping.bind_issuer(db, settings, binding, secret)
    typer.echo(f"Members of {org} sign in with {bound.name}. Register {settings.public_url}/sign-in/callback there.")


def _client(issuer: str | None, client_id: str | None, known: str | None, known_id: str | None) -> tuple[str, str]:
    """Return the issuer and the client's id: as given, else as the settings have them. Raises BadParameter."""
    address = issuer or known
    client = client_id or (known_id if address == known else None)
    if not address or not client:
        raise typer.BadParameter("give --issuer and --client-id, or set ROLLCALL_OIDC_ISSUER and _CLIENT_ID")
    return address, client
