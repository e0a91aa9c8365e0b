"""Mails of parties that are merged."""

from tests.mail.correspondence import Correspondence
from tests.moving.moving import merge


def test_nobody_is_mailed_that_a_twin_was_closed_or_revoked(mails: Correspondence) -> None:
    for who in ("a", "b"):
        mails.add_parties({"entityId": who, "displayName": who, "email": f"{who}@example.org"})
        mails.assign(who, dueOn="2099-06-30")
    mails.deliver()
    merge(mails.org, mails.worker, "a", "b")
    assert mails.deliver() == []


def test_what_is_still_to_be_told_goes_to_the_party_that_stays(mails: Correspondence) -> None:
    for who in ("a", "b"):
        mails.add_parties({"entityId": who, "displayName": who, "email": f"{who}@example.org"})
    mails.assign("a", dueOn="2099-06-30")
    merge(mails.org, mails.worker, "a", "b")
    (mail,) = mails.deliver()
    assert "b@example.org" in mail["To"]
