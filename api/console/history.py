"""Events in sentences, for the history of a thing or a person."""

from dataclasses import dataclass
from datetime import datetime

from api.console.happenings import NAMES, NOUNS, SENTENCES, VARIANTS
from shared.events import Event
from shared.services.naming import History, Names
from shared.texts import N_, Words, reader

OTHER_ID = ("into", "entityId", "from")
"""The field of an event with the other id of a party."""

AGAIN = N_("Licence granted again, because its revocation was undone by %(actor)s")
BY_SERVICE = N_("the service")

CORRECTIONS = (
    ("validFrom", N_("valid from %(at)s"), N_("formerly from %(at)s"), Words.since),
    ("expiresAt", N_("valid until %(at)s"), N_("formerly until %(at)s"), Words.until),
)
"""The fields of a corrected licence: a text for the new and for the former value, and how the instant is written."""


@dataclass(frozen=True)
class Told:
    """One event in words. reason: in a member's own words. subject: such as `assignment/<id>`.

    change: what was changed, with the former values, if the event says them.

    party_id, party: the id and the name of the person whom it is about, if any.
    """

    at: datetime
    sentence: str
    change: str
    reason: str
    subject: str
    party_id: str | None
    party: str | None


def name_of(event_type: str) -> str:
    """Return the short name of a type of event in the reader's language."""
    return reader().text(NAMES.get(event_type, event_type))


def noun_of(subject: str) -> str:
    """Return the noun of a subject, such as `licence/<id>` or `licence`, in the reader's language."""
    noun = subject.partition("/")[0]
    return reader().text(NOUNS.get(noun, noun))


def told(history: History, words: Words) -> list[Told] | None:
    """Return events as sentences in the reader's language, None for a reader who may read none."""
    return None if history.events is None else [tell(one, history.names, words) for one in history.events]


def tell(event: Event, names: Names, words: Words) -> Told:
    """Return an event as a sentence in the reader's language."""
    party = names.get(f"party/{event.party_id}") if event.party_id else None
    sentence, change = _sentence(event, names, words), _change(event, words)
    return Told(event.recorded_at, sentence, change, _reason(event), event.subject, event.party_id, party)


def _sentence(event: Event, names: Names, words: Words) -> str:
    field, texts = VARIANTS.get(event.type, ("", {}))
    text = texts.get(event.data.get(field), SENTENCES.get(event.type, event.type))
    if event.type == "licence.granted" and "replaces" in event.data:
        text = AGAIN
    key = f"{event.actor_type}/{event.actor_id}"
    actor = words.text(BY_SERVICE) if event.actor_type == "system" else names.get(key, event.actor_id)
    other = next((str(event.data[name]) for name in OTHER_ID if name in event.data), "")
    return words.text(text).replace("%(actor)s", actor).replace("%(other)s", other)


def _change(event: Event, words: Words) -> str:
    """Return the corrected beginning and end of a licence with the former ones."""
    if event.type != "licence.changed":
        return ""
    former: dict[str, str] = event.data.get("former", {})
    parts: list[str] = []
    for field, text, earlier, form in CORRECTIONS:
        new, old = event.data.get(field), former.get(field)
        if new and new != old:
            parts.append(words.filled(text, at=form(words, datetime.fromisoformat(new))))
            if old:
                parts.append(words.filled(earlier, at=form(words, datetime.fromisoformat(old))))
    return ", ".join(parts)


def _reason(event: Event) -> str:
    if VARIANTS.get(event.type, ("",))[0] == "why":
        return ""  # a code, which the sentence tells
    return str(event.data.get("reason") or event.data.get("why") or event.data.get("note") or "")
