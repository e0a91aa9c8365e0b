"""Two documents made from the event types: the table in `docs/events.md`, and a frozen copy of the schemas that
consumers rely on. `python -m tests.events.documented` rewrites both, and refuses to remove a type or a field.
"""

import json
from pathlib import Path
from typing import Any

from shared.events import TYPES

DOCS = Path(__file__).parents[2] / "docs" / "events.md"
FROZEN = Path(__file__).with_name("published.json")
BEGIN, END = "<!-- types -->\n", "<!-- end of types -->"

Schemas = dict[str, Any]


def schemas() -> Schemas:
    """Returns the schemas of the data as they are declared."""
    return {name: TYPES[name].published_schema for name in sorted(TYPES)}


def frozen() -> Schemas:
    """Returns the schemas that were published."""
    read: Schemas = json.loads(FROZEN.read_text(encoding="utf-8"))
    return read


def taken_back(before: Any, now: Any, at: str = "") -> list[str]:
    """Returns the places where consumers lose something: a type, a field, that it is required, an allowed value."""
    if isinstance(before, dict) and isinstance(now, dict):
        return [
            place
            for key, value in before.items()
            for place in (taken_back(value, now[key], f"{at}/{key}") if key in now else [f"{at}/{key}"])
        ]
    if isinstance(before, list) and isinstance(now, list):
        return [f"{at}: {value}" for value in before if value not in now]
    return [] if before == now else [at]


def table() -> str:
    """Returns the table of the types."""
    lines = ["| type | means | data, besides `actor` |", "|---|---|---|"]
    for name in sorted(TYPES):
        schema = TYPES[name].schema
        fields = [field for field in schema["properties"] if field != "actor"]
        columns = ", ".join(f"`{field}`" if field in schema["required"] else f"`{field}`?" for field in fields)
        lines.append(f"| `{name}` | {TYPES[name].meaning} | {columns} |")
    return "\n".join(lines) + "\n"


def listed() -> str:
    """Returns the table in the docs."""
    return DOCS.read_text(encoding="utf-8").partition(BEGIN)[2].partition(END)[0]


def write() -> None:
    """Write both documents."""
    now = schemas()
    gone = taken_back(frozen(), now) if FROZEN.exists() else []
    if gone:
        raise SystemExit("Consumers rely on what was taken back: " + "; ".join(gone))
    FROZEN.write_text(json.dumps(now, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    before, _, rest = DOCS.read_text(encoding="utf-8").partition(BEGIN)
    DOCS.write_text(before + BEGIN + table() + END + rest.partition(END)[2], encoding="utf-8")


if __name__ == "__main__":
    write()
    print(f"Wrote {FROZEN.name} and {DOCS.name}.")
