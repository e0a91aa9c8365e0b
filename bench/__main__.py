"""`python -m bench`: measure everything and write every page, each in a process of its own. It takes some 20 minutes.

`python -m bench.assigning` and its siblings measure for one page and have options; those given here are for the first,
which then is the only one.
"""

import subprocess
import sys

PAGES = ("assigning", "licences", "stream", "mail", "webhooks")


def main() -> None:
    """Measure all, or the first alone where it is told how."""
    options = sys.argv[1:]
    for name in PAGES[:1] if options else PAGES:
        subprocess.run([sys.executable, "-m", f"bench.{name}", *options], check=True)


if __name__ == "__main__":
    main()
