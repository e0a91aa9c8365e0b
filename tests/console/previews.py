"""The button of a preview that does what it shows, read off its page, and pressed."""

import re
from typing import Any, NamedTuple

from fastapi.testclient import TestClient

BUTTON = re.compile(r'formaction="([^"]+)" name="previewOf" value="([^"]+)"')


class Button(NamedTuple):
    """The button. value: what it sends under the name `previewOf`."""

    address: str
    value: str


def button(page: str) -> Button:
    """Return the button of a page with a preview."""
    found = BUTTON.findall(page)
    assert len(found) == 1, found
    return Button(*found[0])


def confirmed(browser: TestClient, address: str, data: dict[str, Any]) -> Any:
    """Send a form after its preview at an address. Returns the answer."""
    shown = browser.post(address, data=data)
    assert shown.status_code == 200, shown.text
    found = button(shown.text)
    return browser.post(found.address, data=data | {"previewOf": found.value})
