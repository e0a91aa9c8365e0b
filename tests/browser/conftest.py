"""Headless Chromium, and the application on a real port. Without /usr/bin/chromium the tests of this folder skip."""

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn
from fastapi import FastAPI
from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser.looking import DESK, PHONE, without_complaints

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]


@pytest.fixture(scope="session")
def site(app: FastAPI) -> Iterator[str]:
    """The application, served as `rollcall api` serves it. Returns its address."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        config = uvicorn.Config(app, log_config=None, access_log=False, lifespan="off")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()  # the socket listens already, so an early request waits until the server has started
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        server.should_exit = True
        thread.join(20)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Headless Chromium, of one module only: as long as it runs, this thread counts as running an event loop."""
    if not CHROMIUM.exists():
        pytest.skip(f"no {CHROMIUM}, so no page was tested in a browser; `apt-get install chromium` installs it")
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield launched
        launched.close()


@pytest.fixture(params=[PHONE, DESK], ids=["phone", "desk"])
def page(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Page]:
    """A tab without JavaScript, once of a phone's size and once of a desktop's. Console messages fail the test."""
    width, height = request.param
    with browser.new_context(viewport={"width": width, "height": height}, java_script_enabled=False) as context:
        opened = context.new_page()
        with without_complaints(opened):
            yield opened
