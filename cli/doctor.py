"""`rollcall doctor`: print the results of the checks, as a table or as JSON."""

from typing import TYPE_CHECKING, Annotated

import typer

from cli.options import DataDir

if TYPE_CHECKING:
    from cli.checks import Check
    from cli.system import System


def doctor(
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON, for programs, with addresses and process ids.")
    ] = False,
    invariants: Annotated[bool, typer.Option("--invariants", help="Check the stored data too; takes longer.")] = False,
    api: Annotated[str | None, typer.Option(metavar="URL", help="The API's address.")] = None,
    no_api: Annotated[bool, typer.Option("--no-api", help="Skip the API; for machines that cannot reach it.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Check that every part is reachable, up to date and safe. For each problem it prints what to do.

    The API's address is that of `rollcall up` or ROLLCALL_PUBLIC_URL. Exit code 1 if a check fails.

    \b
    Example:
      rollcall doctor --invariants
    """
    from cli.checks import Check, run_checks
    from cli.failures import explain
    from cli.system import find

    system: System | None = None
    try:
        system = find(data_dir)
        checks = [Check("settings", True, _origin(system))]
        api_url = None if no_api else api or _known_api_url(system)
        checks += run_checks(system, api_url=api_url, with_invariants=invariants)
    except Exception as error:
        checks = [Check("settings", False, explain(error)[0])]
    if as_json:
        _print_json(system, checks)
    else:
        _print_table(checks)
    raise typer.Exit(0 if all(check.ok for check in checks) else 1)


def _origin(system: "System") -> str:
    """Where the settings come from, as a sentence."""
    if system.state:
        return f"`rollcall up` runs on {system.data_dir}, process {system.state.pid}."
    return f"The embedded system in {system.data_dir}." if system.data_dir else "Read from the environment."


def _known_api_url(system: "System") -> str | None:
    """Returns the API's address, or None if it is unknown. ROLLCALL_PUBLIC_URL counts only if it was set."""
    known = system.state is not None or "public_url" in system.settings.model_fields_set
    return system.api_url if known else None


def _print_json(system: "System | None", checks: "list[Check]") -> None:
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


def _print_table(checks: "list[Check]") -> None:
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
    console.print(f"{wrong} of {len(checks)} checks failed." if wrong else "All checks passed.")
