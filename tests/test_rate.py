"""The rate of requests: nothing is kept of organizations that are silent, and a request costs the same among many."""

from collections.abc import Callable
from types import SimpleNamespace

import pytest

from api.http import shares
from api.http.shares import KEPT_AT_LEAST, Rate, TooManyRequests


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Sets the instant of the process, in seconds."""
    return lambda seconds: monkeypatch.setattr(shares, "time", SimpleNamespace(monotonic=lambda: seconds))


def test_a_rate_keeps_no_organization_that_has_sent_nothing_for_a_second(at: Callable[[float], None]) -> None:
    rate = Rate(3)
    at(1000)
    for n in range(KEPT_AT_LEAST - 1):
        rate.count(f"org-{n}")
    at(1001.5)
    rate.count("busy")
    assert len(rate.kept) == KEPT_AT_LEAST
    for _ in range(2):
        rate.count("busy")
    assert rate.kept.keys() == {"busy"}
    with pytest.raises(TooManyRequests):
        rate.count("busy")


def test_a_rate_looks_for_silent_organizations_only_when_they_have_doubled(
    at: Callable[[float], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shares, "KEPT_AT_LEAST", 10)
    rate, looked = Rate(3), 0
    at(1000)
    for n in range(1000):
        before = rate.kept
        rate.count(f"org-{n}")
        looked += rate.kept is not before
    assert (len(rate.kept), looked) == (1000, 7)
