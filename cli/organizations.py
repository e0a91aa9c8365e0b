"""`rollcall org` and `rollcall token`: add organizations, set what they may use, and sign tokens for the API."""

from typing import TYPE_CHECKING, Annotated

import typer

from cli.directory_writers import directory_writer
from cli.options import DataDir, Org, external_id, seconds
from cli.signing_in import sign_in

if TYPE_CHECKING:
    from shared.access import Permission

app = typer.Typer(help="Add organizations, and set what they may use.")
app.command("sign-in")(sign_in)
app.command("directory-writer")(directory_writer)

OrgArgument = Annotated[
    str, typer.Argument(parser=external_id, metavar="ORG", help="The organization's id in your other systems.")
]
Member = Annotated[
    str, typer.Option(parser=external_id, metavar="ID", help="The member that calls; events name it as the actor.")
]
Party = Annotated[
    str | None, typer.Option(parser=external_id, metavar="ID", help="The party that the member represents.")
]
PermissionNames = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME", help="A permission such as training.assign, or all. Can be repeated."),
]
FolderIds = Annotated[
    list[str] | None,
    typer.Option(parser=external_id, metavar="ID", help="Show only the parties of this folder. Can be repeated."),
]
TimeToLive = Annotated[str, typer.Option(metavar="TIME", help="How long it is valid: 3600 (seconds), 15m, 1h, 30d.")]


@app.command()
def add(
    org: OrgArgument,
    name: Annotated[str, typer.Option(metavar="NAME", help="The name that people see.")],
    time_zone: Annotated[
        str, typer.Option(metavar="ZONE", help="The time zone of its due dates, for example Europe/Oslo.")
    ],
    data_dir: DataDir = None,
) -> None:
    """Add an organization. Needs only the database; an embedded one that is stopped is started for the moment.

    \b
    Example:
      rollcall org add acme --name "Acme Drilling" --time-zone Europe/Oslo
    """
    from cli import system
    from shared import access, clock
    from shared.events import Actor

    with system.find(data_dir).database() as database, database.transaction(org) as db:
        access.add_organization(db, name=name, time_zone=time_zone, actor=Actor("system", "operator"), now=clock.now())
    typer.echo(f"Added {org}. Next, make a token for the API: rollcall token --org {org} --member you --permission all")


@app.command()
def entitle(
    org: OrgArgument,
    training: Annotated[bool, typer.Option("--training/--no-training", help="Grant or withdraw the use of training.")],
    data_dir: DataDir = None,
) -> None:
    """Set whether an organization may use training. Withdrawing it deletes nothing and can be undone.

    \b
    Example:
      rollcall org entitle acme --no-training
    """
    from cli import system
    from shared import access, clock
    from shared.events import Actor

    with system.find(data_dir).database() as database, database.transaction(org) as db:
        access.get_organization(db)  # raises OrganizationUnknown
        access.entitle(db, training=training, actor=Actor("system", "operator"), now=clock.now())
    typer.echo(f"{org} is {'now' if training else 'no longer'} entitled to training.")


def token(
    org: Org,
    member: Member,
    party: Party = None,
    permission: PermissionNames = None,
    folder: FolderIds = None,
    ttl: TimeToLive = "1h",
    data_dir: DataDir = None,
) -> None:
    """Print a token for the API, and nothing else.

    It is signed with ROLLCALL_JWT_SECRET. If the deployment uses an identity provider (ROLLCALL_JWKS_URL), take tokens
    from there.

    \b
    Example:
      TOKEN=$(rollcall token --org acme --member ada --permission training.assign --ttl 8h)
    """
    from cli import system
    from shared import access

    typer.echo(
        access.issue(
            system.find(data_dir).settings,
            org_id=org,
            member_id=member,
            party_id=party,
            permissions=_permissions(permission or []),
            folders=folder or None,
            ttl_seconds=seconds(ttl),
        )
    )


def _permissions(names: list[str]) -> list["Permission"]:
    """Parse the names of permissions; `all` means every one. Raises BadParameter."""
    from shared.access import Permission

    if "all" in names:
        return list(Permission)
    for name in names:
        if name not in list(Permission):
            raise typer.BadParameter(f"there is no permission {name}; choose from {', '.join(Permission)}, or all")
    return [Permission(name) for name in names]
