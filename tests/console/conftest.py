"""Fixtures of the tests of pages for people who are signed in."""

import dataclasses
from collections.abc import Iterator

import pytest
from fastapi import FastAPI

from api.http.parts import Parts
from shared.access import SignInIssuer
from tests.console.issuing import Issuer, bind, issuer
from tests.console.probing import with_probes
from tests.factories import Org


@pytest.fixture(scope="session")
def probes(parts: Parts) -> FastAPI:
    """The application with pages that tell who visits them."""
    return with_probes(parts)


@pytest.fixture
def home(org: Org, probes: FastAPI) -> Org:
    """An organization of which people visit these pages."""
    return dataclasses.replace(org, app=probes)


@pytest.fixture(scope="session")
def running() -> Iterator[Issuer]:
    """An issuer."""
    with issuer() as started:
        yield started


@pytest.fixture
def strict(running: Issuer, parts: Parts) -> Issuer:
    """The issuer, as it was at first."""
    for name, value in vars(Issuer(running.address, key=running.key)).items():
        setattr(running, name, value)
    parts.providers.forget(running.address)
    return running


@pytest.fixture
def bound(home: Org, strict: Issuer) -> SignInIssuer:
    """The issuer, bound to the organization."""
    return bind(home, strict)
