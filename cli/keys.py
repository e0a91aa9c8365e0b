"""`rollcall keys`: make keys for deployments that have their own settings. `rollcall up` makes and keeps its own."""

import typer

app = typer.Typer(help="Make the keys that some settings need.")


@app.callback()
def _keys() -> None:
    """Make the keys that some settings need."""


@app.command()
def credential() -> None:
    """Print a new private key that signs credentials, on one line, and nothing else.

    To replace a key, put the new one in front of the old one: the first key signs, all of them stay published.

    \b
    Example:
      printf 'ROLLCALL_CREDENTIAL_KEY=%s\\n' "$(rollcall keys credential)" >> .env
    """
    from cli.embedded import new_credential_key

    typer.echo(new_credential_key().replace("\n", "\\n"))
