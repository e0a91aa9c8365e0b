"""Every link of every page leads to an answer."""

import re
from collections import defaultdict
from html import unescape

import pytest
from fastapi import FastAPI

from tests.console.world import build, pages
from tests.drain import InProcessWorker
from tests.factories import Org

HREF = re.compile(r'href="([^"#]+)"')


@pytest.mark.timeout(300)
def test_every_link_of_every_page_leads_to_an_answer(org: Org, worker: InProcessWorker, app: FastAPI) -> None:
    world = build(org, worker)
    browser = org.visitor()
    found: dict[str, set[str]] = defaultdict(set)
    for path in pages(app):
        page = browser.get(world.address(path)).text
        for link in HREF.findall(page):
            if link.startswith("/") and not link.startswith("/static/"):
                found[unescape(link)].add(path)
    assert len(found) > 100
    broken = []
    for link, sources in sorted(found.items()):
        status = browser.get(link).status_code
        if status not in (200, 303):
            broken.append(f"{link} answers {status}; it stands on {', '.join(sorted(sources))}")
    assert not broken, "\n".join(broken)
