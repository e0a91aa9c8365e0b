"""Mails name a course as it was when the version was published."""

from tests.mail.correspondence import ADA, Correspondence, plain
from tests.sessions.sitting import add, schedule


def test_mails_show_the_title_of_the_version(mails: Correspondence) -> None:
    mails.add_parties(ADA)
    course = mails.org.with_course(title="Formerwell")
    mails.assign("ada", course=course)
    session_id = schedule(mails.org, course, startsAt="2099-09-01T07:00:00Z", endsAt="2099-09-01T10:30:00Z")
    add(mails.org, session_id, "ada")
    mails.org.client().patch(f"/v1/courses/{course}", json={"title": "Laterwell"})
    texts = [f"{mail['Subject']} {mail.as_string()} {plain(mail)}" for mail in mails.deliver()]
    assert len(texts) == 2
    assert all("Formerwell" in shown and "Laterwell" not in shown for shown in texts)
