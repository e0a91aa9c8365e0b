"""Generates and builds the TypeScript client with npm's packages. `make client-ts` does it in `clients/typescript`.

openapi-typescript writes the types; the addresses are written here. Nothing that is generated is committed: a change of
a route needs no npm.
"""

import json
import shutil
import subprocess
from pathlib import Path

from tests.client.generated import Document, document

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "clients" / "typescript"
BIN = ROOT / "tests" / "judges" / "node_modules" / ".bin"
BUILT = shutil.ignore_patterns("generated", "dist", "dist-tests")
"""Generated folders, which a copy of the package does not hold."""


def operations(described: Document) -> str:
    """Return `operations.ts`: the address of each operation, the names of its query, whether it takes a key."""
    lines = [
        "export interface Operation {",
        "  readonly method: string;",
        "  readonly path: string;",
        "  readonly query: readonly string[];",
        "  readonly once: boolean;",
        "}",
        "",
        'import type { operations } from "./api.js";',
        "",
        "export const OPERATIONS: { readonly [Name in keyof operations]: Operation } = {",
    ]
    for path, methods in sorted(described["paths"].items()):
        for method, operation in methods.items():
            parameters = operation.get("parameters", ())
            query = [one["name"] for one in parameters if one["in"] == "query"]
            once = any(one["name"] == "Idempotency-Key" for one in parameters)
            about = {"method": method.upper(), "path": path, "query": query, "once": once}
            lines.append(f"  {operation['operationId']}: {json.dumps(about)},")
    return "\n".join([*lines, "};", ""])


def build(package: Path, described: Document) -> None:
    """Generate what the package lacks, and compile it into its folder `dist`. Raises CalledProcessError."""
    generated = package / "src" / "generated"
    generated.mkdir(exist_ok=True)
    (generated / "operations.ts").write_text(operations(described), encoding="utf-8")
    given = generated / "openapi.json"
    given.write_text(json.dumps(described), encoding="utf-8")
    run(BIN / "openapi-typescript", given, "--default-non-nullable=false", "-o", generated / "api.ts")
    run(BIN / "tsc", "-p", package)


def run(*command: str | Path) -> str:
    """Run a program of npm's packages. Returns its output. Raises CalledProcessError, with the output in its notes."""
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=170, check=False)
    if done.returncode:
        error = subprocess.CalledProcessError(done.returncode, done.args)
        error.add_note((done.stdout + done.stderr)[-6000:])
        raise error
    return done.stdout


if __name__ == "__main__":
    build(PACKAGE, document())
    print(f"Built {PACKAGE.relative_to(ROOT)}/dist.")
