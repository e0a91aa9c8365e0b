"""A route is reached by its own address: none that stands before it takes its requests."""

import re

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from starlette.routing import compile_path

from tests.routes import FORMATS


def test_no_route_takes_the_requests_of_a_later_one(app: FastAPI) -> None:
    known = [
        (method, str(one.path), compile_path(str(one.path))[0])
        for one in iter_route_contexts(app.routes)
        for method in sorted(one.methods or ())
    ]
    assert len(known) > 200
    taken = []
    for method, path, _ in known:
        address = re.sub(r"\{\w+(:\w+)?\}", FORMATS["uuid"], path)
        first = next(of for verb, of, regex in known if verb == method and regex.match(address))
        if first != path:
            taken.append(f"{method} {path} is never reached: {first} takes it; put it first")
    assert not taken, "\n".join(taken)
