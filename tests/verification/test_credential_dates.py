"""The dates that a credential says, and its status once the licence begins at another time."""

from datetime import timedelta

from fastapi.testclient import TestClient

from tests.verification.holding import GRANTED_AT, Held
from tests.verification.test_credential import held, published, read, status, verified, visitor

__all__ = ["held", "visitor"]


def test_a_credential_says_when_the_licence_begins_and_is_revoked_if_it_now_begins_later(
    held: Held, visitor: TestClient
) -> None:
    """Also one that was given out before the beginning was corrected for the first time."""
    plain = read(held.get("credential"))
    held.change(valid_from=GRANTED_AT - timedelta(days=30))
    earlier = read(held.get("credential"))
    claims = verified(earlier, published(visitor)).claims
    assert claims["validFrom"] == "2026-01-01T09:30:15Z"
    assert claims["nbf"] == int((GRANTED_AT - timedelta(days=30)).timestamp())
    assert (status(plain, visitor)[1], status(earlier, visitor)[1]) == ([], [])
    held.change(valid_from=GRANTED_AT + timedelta(days=1))
    later = read(held.get("credential"))
    for text in (plain, earlier):
        credential_id, (entry,) = status(text, visitor)
        assert (entry["id"], entry["revocationReason"]) == (credential_id, "The licence now begins later.")
    assert status(later, visitor)[1] == []
    assert len({verified(text, published(visitor)).claims["jti"] for text in (plain, earlier, later)}) == 3
