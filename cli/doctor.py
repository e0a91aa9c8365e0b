"""`rollcall doctor`: what the checks found, for people or for programs."""

from typing import TYPE_CHECKING, Annotated

import typer

from cli.options import DataDir

if TYPE_CHECKING:
    from cli.checks import Check
    from cli.system import System


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="For programs, with addresses and process ids.")] = False,
    invariants: Annotated[
        bool, typer.Option("--invariants", help="Verify what was written, too; takes longer.")
    ] = False,
    api: Annotated[str | None, typer.Option(metavar="URL", help="Where to ask the API.")] = None,
    no_api: Annotated[bool, typer.Option("--no-api", help="Where the API cannot be reached from.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Say whether everything is reachable, current and safe, and what to do where it is not.

    The API is asked where `rollcall up` or ROLLCALL_PUBLIC_URL says it is. Exit code 1 where something is wrong.

    \b
    Example:
      rollcall doctor --invariants
    """
    from cli.checks import Check, examine
    from cli.failures import explain
    from cli.system import find

    system: System | None = None
    try:
        system = find(data_dir)
        checks = [Check("settings", True, _found(system))]
        checks += examine(system, api_url=None if no_api else api or _api_of(system), ask_invariants=invariants)
    except Exception as error:
        checks = [Check("settings", False, explain(error)[0])]
    if as_json:
        _tell_programs(system, checks)
    else:
        _tell_people(checks)
    raise typer.Exit(0 if all(check.ok for check in checks) else 1)


def _found(system: "System") -> str:
    if system.state:
        return f"`rollcall up` runs on {system.data_dir}, process {system.state.pid}."
    return f"An embedded system in {system.data_dir}." if system.data_dir else "Those of this environment."


def _api_of(system: "System") -> str | None:
    """Where the API is known to be: the address that people use has a default, which says nothing."""
    known = system.state is not None or "public_url" in system.settings.model_fields_set
    return system.api_url if known else None


def _tell_programs(system: "System | None", checks: "list[Check]") -> None:
    import json
    from dataclasses import asdict

    state = system.state if system else None
    about = {
        "ok": all(check.ok for check in checks),
        "databaseUrl": system.settings.database_url if system else None,
        "redisUrl": system.settings.redis_url if system else None,
        "apiUrl": system.api_url if system else None,
        "processes": [process.model_dump() for process in state.processes] if state else [],
        "checks": [asdict(check) for check in checks],
    }
    typer.echo(json.dumps(about, indent=2))


def _tell_people(checks: "list[Check]") -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    for check in checks:
        verdict = Text("ok", "green") if check.ok else Text("NO", "bold red")
        table.add_row(verdict, check.name, Text(check.detail))
    console = Console(highlight=False)
    console.print(table)
    wrong = sum(not check.ok for check in checks)
    console.print(f"{wrong} of {len(checks)} need attention." if wrong else "All is well.")
