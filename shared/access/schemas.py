"""The JSON of an organization's settings."""

from pydantic import Field

from shared.wire import Language, Received


class SettingsChange(Received):
    """Settings that can be changed. What is left out stays as it is, and null clears.

    change_limit: the number of recipients above which a job waits for a second member. language: of mails and pages for
    parties that have none of their own.
    """

    change_limit: int | None = Field(default=None, ge=0, le=1_000_000)
    language: Language | None = None
