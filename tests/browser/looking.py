"""Checks of every page in a browser: it fits the screen, axe finds no barrier, the browser reports nothing."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import ConsoleMessage, Page, Response

PHONE, DESK = (360, 640), (1280, 900)
"""Width and height of a screen in pixels."""


def fits(page: Page) -> bool:
    """True if the page is not wider than the screen."""
    fitting: bool = page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    return fitting


def assert_accessible(page: Page) -> None:
    """Fail if axe finds a violation of WCAG or of good practice on the page."""
    found = Axe().run(page)
    assert found.violations_count == 0, f"{page.url}: {found.generate_report()}"


@dataclass
class _Console:
    """The messages of the browser for a page, such as a violated content security policy."""

    documents: set[str] = field(default_factory=set)
    messages: list[ConsoleMessage] = field(default_factory=list)

    def note_message(self, message: ConsoleMessage) -> None:
        self.messages.append(message)

    def note_document(self, response: Response) -> None:
        if response.request.is_navigation_request():
            self.documents.add(response.url)

    def complaints(self) -> list[str]:
        """The messages, but for those that a page itself was answered with an error, as some tests intend."""
        return [message.text for message in self.messages if not self._of_document(message)]

    def _of_document(self, message: ConsoleMessage) -> bool:
        return message.text.startswith("Failed to load resource") and message.location["url"] in self.documents


@contextmanager
def without_complaints(page: Page) -> Iterator[None]:
    """Fail at the end of the block if the browser has reported anything for the page during it."""
    console = _Console()
    page.on("response", console.note_document)
    page.on("console", console.note_message)
    uncaught: list[str] = []
    page.on("pageerror", lambda error: uncaught.append(str(error)))
    yield
    complaints = console.complaints() + uncaught
    assert not complaints, f"the browser reported: {complaints}"
