"""The declarations of mails: each has an event type and a template, and no template is left over."""

from importlib.resources import files

from shared import events
from tests.mail.correspondence import Correspondence

LAYOUTS = {"layout.html", "layout.txt"}


def test_every_declared_mail_has_a_template_and_every_template_a_mail(mails: Correspondence) -> None:
    from worker import notices  # reads the environment, so not before it is set

    templates = {
        file.name for file in files("shared.deliveries").joinpath("mail_templates").iterdir() if file.is_file()
    }
    assert {f"{name}.txt" for name in notices.KINDS} == templates - LAYOUTS
    assert set(notices.KINDS) == set(notices.MAILED) <= set(events.TYPES)
