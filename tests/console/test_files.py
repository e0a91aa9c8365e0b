"""Every list of the console as a file."""

import re

import pytest
from fastapi import FastAPI

from api.http.accepted import XLSX
from tests.console.test_pages import lists
from tests.console.world import build
from tests.drain import InProcessWorker
from tests.factories import Org
from tests.workbooks import cells


def test_a_page_offers_its_list_as_the_same_workbook_that_the_api_sends(
    org: Org, worker: InProcessWorker, app: FastAPI, subtests: pytest.Subtests
) -> None:
    world = build(org, worker)
    reader, client = world.org.visitor(), world.org.client()
    for path, _, of_api in lists(app):
        with subtests.test(path):
            address = world.address(path)
            offered = re.findall(r'href="([^"]+)" download', reader.get(address).text)
            assert offered == ([] if path == "/deliveries" else [f"{address}.csv", f"{address}.xlsx"])  # has no rows
            answer = reader.get(f"{address}.xlsx")
            assert answer.headers["Content-Type"] == XLSX
            assert answer.headers["Content-Disposition"].endswith('.xlsx"')
            sent = client.get(world.address(str(of_api.path)), headers={"Accept": XLSX})
            assert sorted(map(str, cells(answer.content))) == sorted(map(str, cells(sent.content)))
