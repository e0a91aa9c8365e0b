"""If-Match as in RFC 9110: any tag of several, strong tags only, `*` for any, and a malformed header is refused."""

import pytest

from api.v1.etags import MalformedIfMatch, etag, revisions


def test_the_tag_of_a_revision_is_accepted_as_that_revision() -> None:
    assert etag(7) == '"7"'
    assert revisions(etag(7)) == frozenset({7})


@pytest.mark.parametrize(
    ("header", "accepted"),
    [
        (None, None),
        ("*", None),
        (" * ", None),
        ('"1", "2","3"', {1, 2, 3}),
        (', "1" ,, "2", ', {1, 2}),
        ('W/"1"', set()),
        ('W/"1", "2"', {2}),
        ('"abc"', set()),
        ('"01"', set()),
        ('"1,2"', set()),
        ('""', set()),
        ('"99999999999999999999"', set()),
    ],
)
def test_a_valid_if_match_header_gives_the_accepted_revisions(header: str | None, accepted: set[int] | None) -> None:
    assert revisions(header) == accepted


@pytest.mark.parametrize("header", ["", "1", '"1', '1"', '"1" "2"', '"1", 2', "'1'", '*, "1"', 'w/"1"', '"a b"', ","])
def test_a_malformed_if_match_header_is_refused(header: str) -> None:
    with pytest.raises(MalformedIfMatch):
        revisions(header)
