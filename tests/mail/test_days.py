"""Mails tell the end of a licence as its certificate does: as a day if it ends with a day, else with hour and zone."""

import time_machine

from shared import clock
from tests.licences.sweeps import sweep
from tests.mail.correspondence import Correspondence, plain
from tests.mail.test_licences import licensed

TITLE = "Hydrogen-sulfide response"


def test_a_licence_that_ends_with_a_day_is_told_with_that_day(mails: Correspondence) -> None:
    one = licensed(mails, "ada", course=mails.org.with_course(licenceEnds="end_of_day"))
    (granted,) = mails.server.mails
    assert granted["Subject"] == f"{TITLE}: licence granted, valid until 1 September 2027"
    assert "Granted on: 1 September 2026" in plain(granted)
    subjects = []
    for at in ("2027-09-01T01:00:00Z", "2027-09-02T00:00:00Z"):
        with time_machine.travel(at, tick=False):
            sweep(mails.org, clock.now())
            subjects += [mail["Subject"] for mail in mails.deliver()]
    assert subjects == [f"{TITLE}: licence expires today", f"{TITLE}: licence expired at the end of 1 September 2027"]
    assert one.ends == "end_of_day"


def test_a_corrected_end_is_told_in_the_words_of_both_ends(mails: Correspondence) -> None:
    one = licensed(mails, "ada", course=mails.org.with_course(licenceEnds="end_of_day"))
    with time_machine.travel("2026-11-01T12:00:00Z", tick=False):
        body = {"expiresAt": "2027-02-01T09:30:00Z", "reason": "Typo"}
        assert mails.org.client().patch(f"/v1/licences/{one.id}", json=body).status_code == 200
        (mail,) = mails.deliver()
    assert mail["Subject"] == f"{TITLE}: licence now valid until 1 February 2027, 09:30 (UTC)"
    assert "which was 1 September 2027. It is now valid until" in plain(mail).replace("\n", " ")


def test_a_beginning_before_the_grant_is_told(mails: Correspondence) -> None:
    licensed(mails, "ada", course=mails.org.with_course(licenceFrom="training"))
    (granted,) = mails.server.mails
    assert "Valid from: 1 September 2026, 10:30 (UTC)" in plain(granted)
