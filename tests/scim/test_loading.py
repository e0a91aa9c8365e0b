"""The library of SCIM takes a quarter of a second to import or more, so only the API, which needs it, loads it."""

import subprocess
import sys


def loads_the_library(module: str) -> bool:
    """True if a new process that imports this module has imported the library."""
    program = f"import sys, {module}; sys.exit('scim2_models' in sys.modules)"
    return subprocess.run([sys.executable, "-c", program], check=False).returncode != 0


def test_the_directory_is_imported_without_the_library_of_scim() -> None:
    assert not loads_the_library("shared.directory")
    assert loads_the_library("shared.directory.scim.filters")
