"""The form and the security headers of every HTML page for people."""

import re
from typing import Any

HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "X-Robots-Tag": "noindex, nofollow",
}
POLICY = re.compile(
    r"default-src 'none'; style-src 'sha256-[\w+/]{43}=' 'sha256-[\w+/]{43}='; "
    r"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""Written out here, not imported from the program: otherwise a header that is removed there would not be missed."""


def assert_is_page(answer: Any, status: int, *texts: str) -> None:
    """Fail unless the answer is an HTML page with this status, the security headers of pages, and these texts."""
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert_has_page_headers(answer)
    assert '<html lang="en">' in answer.text
    for text in texts:
        assert text in answer.text


def assert_has_page_headers(answer: Any) -> None:
    """Fail unless the answer has the headers of pages: never cached, indexed, framed, or leaked by `Referer`."""
    headers = {name: answer.headers.get(name) for name in HEADERS}
    assert headers == HEADERS, headers
    policy = answer.headers.get("Content-Security-Policy", "")
    assert POLICY.fullmatch(policy), policy
