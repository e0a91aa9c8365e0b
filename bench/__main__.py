"""`python -m bench`: measures everything and writes every page, each in its own process. It takes about 30 minutes.

`python -m bench.assigning` and its siblings write one page each and have options. With options, `python -m bench` runs
only `bench.assigning`, and passes them on.
"""

import subprocess
import sys

PAGES = (
    "assigning",
    "fairness",
    "licences",
    "records",
    "stream",
    "mail",
    "webhooks",
    "sharing",
    "requests",
    "young",
    "lists",
    "scim",
    "people",
    "uploads",
    "pages",
)


def main() -> None:
    """Measure for all pages, or with options for the first one only."""
    options = sys.argv[1:]
    for name in PAGES[:1] if options else PAGES:
        subprocess.run([sys.executable, "-m", f"bench.{name}", *options], check=True)


if __name__ == "__main__":
    main()
