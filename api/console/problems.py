"""The public pages about problems: what each means and what to do next, in the language of the reader."""

import json

from fastapi import APIRouter
from fastapi.responses import HTMLResponse
from starlette.exceptions import HTTPException

from api.console.pages import PageRoute, page
from shared.problems import KNOWN

router = APIRouter(prefix="/problems", route_class=PageRoute, include_in_schema=False)


@router.api_route("", methods=["GET", "HEAD"])
def list_problems() -> HTMLResponse:
    """The page with every problem."""
    return page("problems.html", problem=None, problems=KNOWN.values())


@router.api_route("/{slug}", methods=["GET", "HEAD"])
def show_problem(slug: str) -> HTMLResponse:
    """The page of one problem."""
    known = KNOWN.get(slug)
    if known is None:
        raise HTTPException(404)
    return page("problems.html", problem=known, example=json.dumps(known.example(), indent=2))
