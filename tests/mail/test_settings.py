"""Mail settings that cannot work are refused by name when a program starts."""

import pytest

from shared import settings
from shared.settings import BadSettings

PAGE = "https://crew.example/training/{assignment_id}"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SMTP_URL", "http://127.0.0.1:25"),
        ("SMTP_URL", "smtp://"),
        ("SMTP_URL", "smtp://127.0.0.1:0"),
        ("SMTP_URL", "smtp://127.0.0.1/path"),
        ("MAIL_FROM", "Rollcall"),
        ("MEMBER_URL", "crew.example/training"),
        ("MEMBER_URL", "javascript:alert(1)"),
        ("MEMBER_URL", PAGE + "/{party_id}"),
    ],
)
def test_a_mail_setting_that_cannot_work_is_refused(name: str, value: str) -> None:
    with pytest.raises(BadSettings, match=f"ROLLCALL_{name} cannot be used"):
        settings.read({f"ROLLCALL_{name}": value})


def test_a_valid_mail_setting_is_kept_unchanged() -> None:
    assert settings.read({"ROLLCALL_MEMBER_URL": PAGE}).member_url == PAGE
    assert settings.read({"ROLLCALL_MEMBER_URL": ""}).member_url is None
    assert settings.read({"ROLLCALL_SMTP_URL": "smtps://a:b@mail.example"}).smtp_url == "smtps://a:b@mail.example"
