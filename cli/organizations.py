"""Organizations from the operator's side, and tokens to call the API with."""

from typing import TYPE_CHECKING, Annotated

import typer

from cli.options import DataDir, Org, external_id, seconds

if TYPE_CHECKING:
    from shared.access import Permission

app = typer.Typer(help="Add organizations, and say what they may use.")

OrgArgument = Annotated[str, typer.Argument(parser=external_id, metavar="ORG", help="Its id in your other systems.")]
IDS = "Can be repeated."


@app.command()
def add(
    org: OrgArgument,
    name: Annotated[str, typer.Option(metavar="NAME", help="What people call it.")],
    time_zone: Annotated[str, typer.Option(metavar="ZONE", help="Whose days its due dates are; an IANA name.")],
    data_dir: DataDir = None,
) -> None:
    """Add an organization. Nothing has to run for it but the database, and a resting embedded one is woken.

    \b
    Example:
      rollcall org add acme --name "Acme Drilling" --time-zone Europe/Oslo
    """
    from cli import system
    from shared import access, clock
    from shared.events import Actor

    with system.find(data_dir).database() as database, database.transaction(org) as db:
        access.add_organization(db, name=name, time_zone=time_zone, actor=Actor("system", "operator"), now=clock.now())
    typer.echo(f"{org} is added. A token to begin with: rollcall token --org {org} --member you --permission all")


@app.command()
def entitle(
    org: OrgArgument,
    training: Annotated[bool, typer.Option("--training/--no-training", help="Grant training, or withhold it.")],
    data_dir: DataDir = None,
) -> None:
    """Say whether an organization is entitled to training. Withholding deletes nothing, and can be taken back.

    \b
    Example:
      rollcall org entitle acme --no-training
    """
    from cli import system
    from shared import access, clock
    from shared.events import Actor

    with system.find(data_dir).database() as database, database.transaction(org) as db:
        access.organization(db)  # says so where there is none
        access.entitle(db, training=training, actor=Actor("system", "operator"), now=clock.now())
    typer.echo(f"{org} is {'now' if training else 'no longer'} entitled to training.")


def token(
    org: Org,
    member: Annotated[str, typer.Option(parser=external_id, metavar="ID", help="Who calls, as records will say.")],
    party: Annotated[
        str | None, typer.Option(parser=external_id, metavar="ID", help="The party that the member represents.")
    ] = None,
    permission: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help=f"Such as training.assign, or all. {IDS}")
    ] = None,
    folder: Annotated[
        list[str] | None,
        typer.Option(parser=external_id, metavar="ID", help=f"See only the parties of this folder. {IDS}"),
    ] = None,
    ttl: Annotated[str, typer.Option(metavar="TIME", help="Valid for so long: 3600, 15m, 1h, 30d.")] = "1h",
    data_dir: DataDir = None,
) -> None:
    """Print a token to call the API with, and nothing else.

    Signed with the system's shared secret; where an identity provider publishes keys, it issues the tokens.

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
    """Permissions by name; `all` stands for each of them. Raises BadParameter."""
    from shared.access import Permission

    if "all" in names:
        return list(Permission)
    for name in names:
        if name not in list(Permission):
            raise typer.BadParameter(f"there is no permission {name}; there are {', '.join(Permission)}, and all")
    return [Permission(name) for name in names]
