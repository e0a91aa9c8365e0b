"""Saving views through the console's forms, as a browser does, and reading what a page shows of them."""

import re
from html import unescape
from typing import Any

from fastapi.testclient import TestClient
from sqlalchemy import select

from shared.views import SavedView
from tests.factories import Org


def save(
    browser: TestClient, name: str, list_name: str = "assignments", *, shared: bool = False, **filters: str
) -> str:
    """Save a view. Returns its id."""
    answer = browser.post("/views/new", data=form(name, list_name, shared=shared, **filters))
    assert answer.status_code == 303, answer.text
    return str(answer.headers["Location"]).removeprefix("/views/")


def form(name: str, list_name: str = "assignments", *, shared: bool = False, **filters: str) -> dict[str, Any]:
    """The form that saves a view. filters: by the names of the API's parameters; `columns` as it is."""
    given = {name if name == "columns" else f"filter.{name}": value for name, value in filters.items()}
    return {"listName": list_name, "name": name, **given, **({"shared": "true"} if shared else {})}


def views_over(page: str) -> list[str]:
    """The names of the views over a list, without the one of everything."""
    found = re.search(r'<nav class="views".*?<ul>(.*?)</ul>', page, re.DOTALL)
    links = re.findall(r"<a [^>]*>(.*?)</a>", found.group(1)) if found else []
    return [unescape(re.sub(r" <span.*", "", link)) for link in links][1:]


def current(page: str) -> list[str]:
    """The views over a list that are marked as what it shows."""
    found = re.findall(r'<a href="[^"]*" aria-current="page">(.*?)</a></li>', _views(page))
    return [unescape(re.sub(r" <span.*", "", one)) for one in found]


def _views(page: str) -> str:
    found = re.search(r'<nav class="views".*?</nav>', page, re.DOTALL)
    return found.group() if found else ""


def rows(org: Org) -> list[SavedView]:
    """Every view of an organization, by name."""
    with org.transaction() as db:
        return list(db.scalars(select(SavedView).where(SavedView.org_id == org.id).order_by(SavedView.name)))
