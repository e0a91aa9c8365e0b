"""An organization in Oslo, on a day whose records end before and after it."""

from collections.abc import Iterator

import pytest
import time_machine
from fastapi import FastAPI

from api.http.parts import Parts
from tests.factories import Org, add_org
from tests.licences.dating import NOW, ZONE


@pytest.fixture
def oslo(app: FastAPI, parts: Parts) -> Iterator[Org]:
    with time_machine.travel(NOW, tick=False):
        org = add_org(app, parts, time_zone=ZONE)
        org.with_parties("a", "b", "c")
        yield org
