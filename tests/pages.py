"""What every HTML page for people must be, whatever it shows."""

from typing import Any

from api.pages import HEADERS


def assert_is_page(answer: Any, status: int, *texts: str) -> None:
    """Fail unless the answer is an HTML page with this status, the security headers of pages, and these texts."""
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert answer.headers.items() >= {name.lower(): value for name, value in HEADERS.items()}.items()
    assert '<html lang="en">' in answer.text
    for text in texts:
        assert text in answer.text
