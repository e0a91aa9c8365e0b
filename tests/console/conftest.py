"""Fixtures of the tests of pages for people who are signed in."""

import dataclasses

import pytest
from fastapi import FastAPI

from api.http.parts import Parts
from tests.console.probing import with_probes
from tests.factories import Org


@pytest.fixture(scope="module")
def probes(parts: Parts) -> FastAPI:
    """The application with pages that tell who visits them."""
    return with_probes(parts)


@pytest.fixture
def home(org: Org, probes: FastAPI) -> Org:
    """An organization of which people visit these pages."""
    return dataclasses.replace(org, app=probes)
