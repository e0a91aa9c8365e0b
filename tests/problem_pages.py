"""`docs/problems.md`, made from the table of problems: `python -m tests.problem_pages` writes it."""

import json

from shared.problems import KNOWN
from tests.architecture.source import ROOT

DOCS = ROOT / "docs" / "problems.md"

HEAD = """\
# Problems

Each refusal of the API is a problem document (RFC 9457) whose `type` is `urn:rollcall:problem:<slug>`. Programs branch
on the slug, which is never renamed; `detail` is a sentence for people and may change. The page `/problems/<slug>` of
the service says the same. Made from `shared/problems` by `python -m tests.problem_pages`.
"""


def written() -> str:
    """Return the document."""
    parts = [HEAD]
    for known in KNOWN.values():
        example = json.dumps(known.example(), indent=2)
        parts.append(
            f"## {known.slug}\n**{known.title}** ({known.status}). {known.means}\n\n"
            f"*What to do next:* {known.remedy}\n\n```json\n{example}\n```\n"
        )
    return "\n".join(parts)


if __name__ == "__main__":
    DOCS.write_text(written(), encoding="utf-8")
