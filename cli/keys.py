"""Keys for deployments that bring their own settings; `rollcall up` makes and keeps its own."""

import typer

app = typer.Typer(help="Make the keys that settings ask for.")


@app.callback()
def _keys() -> None:
    """Make the keys that settings ask for."""


@app.command()
def credential() -> None:
    """Print a new private key that signs credentials, on one line, and nothing else.

    Put it before the former one to replace that: the first signs, all of them stay published.

    \b
    Example:
      printf 'ROLLCALL_CREDENTIAL_KEY=%s\\n' "$(rollcall keys credential)" >> .env
    """
    from cli.embedded import new_credential_key

    typer.echo(new_credential_key().replace("\n", "\\n"))
