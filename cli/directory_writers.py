"""`rollcall org directory-writer`: say which members may write the directory from the pages, as the operator."""

from typing import Annotated

import typer

from cli.options import DataDir, external_id

Organization = Annotated[str, typer.Argument(parser=external_id, metavar="ORG", help="The organization.")]
Member = Annotated[
    str | None,
    typer.Argument(
        parser=external_id, metavar="MEMBER", help="The member's id, as the audit log shows it. Without: list them."
    ),
]
Issuer = Annotated[
    str | None, typer.Option(metavar="NAME", help="Where the member signs in, if the organization has several issuers.")
]
End = Annotated[bool, typer.Option("--end", help="Take the permission from the member.")]


def directory_writer(
    org: Organization, member: Member = None, issuer: Issuer = None, end: End = False, data_dir: DataDir = None
) -> None:
    """Let a member write the directory: import people, merge and renumber parties on the pages.

    No group of an issuer gives this permission, because whoever writes the directory widens what limited members see.
    Every change ends the sign-ins of the issuer. A member whose groups limit it to folders cannot write the directory.

    \b
    Example:
      rollcall org directory-writer acme id.example.com:ada
    """
    from cli import system
    from shared.services import sign_in_mapping

    found = system.find(data_dir)
    with found.database() as database, database.transaction(org) as db:
        if member is None:
            named = sign_in_mapping.list_directory_writers(db)
            typer.echo("\n".join(named) if named else f"No member of {org} may write the directory from the pages.")
            return
        changed = sign_in_mapping.let_write_directory(db, found.settings, issuer, member, ended=end)
    may = "may no longer" if end else "may now" if changed else "could already"
    typer.echo(f"{member} {may} write the directory of {org}.")
