"""The history of a licence after it was granted, in sentences: who, when, why, and what stood there before.

It is read from the events, which nobody can alter. The events that a calendar causes, such as a reminder, are left out.
"""

import uuid
from collections import defaultdict
from collections.abc import Collection
from datetime import datetime

from sqlalchemy.orm import Session

from shared import events
from shared.arrays import is_one_of
from shared.events import Event, Recorded
from shared.licences.schemas import By
from shared.texts import N_, Words
from shared.wire import Answer, Instant

TYPES = ("licence.granted", "licence.changed", "licence.revoked", "licence.restored", "licence.superseded")

BY_SERVICE, BY_PERSON = N_("the service"), N_("the person")

STATES = {"active": N_("in force"), "expired": N_("ended"), "superseded": N_("superseded")}

END_MOVED = N_("On %(at)s %(actor)s corrected the end from %(former)s to %(value)s.")
BEGINNING_MOVED = N_("On %(at)s %(actor)s corrected the beginning from %(former)s to %(value)s.")
NOTE_CHANGED = N_("On %(at)s %(actor)s corrected the note.")
REVOKED = N_("On %(at)s %(actor)s revoked the licence for good. Before, it was %(former)s.")
TWIN_REVOKED = N_(
    "On %(at)s %(actor)s merged the person with another one, whose licence of the same training counts instead. "
    "Before, this one was %(former)s."
)
RESTORED = N_("On %(at)s the licence counted again, because %(actor)s took back what had ended or replaced it.")
SUPERSEDED = N_("On %(at)s a later licence of the course took its place.")
AGAIN = N_("On %(at)s %(actor)s granted the licence again, by undoing the revocation of the former one.")
ADDED = N_("On %(at)s %(actor)s granted the licence by correcting the roster.")
REASON = N_("Reason: %(reason)s")


class FormerValues(Answer):
    """The former values. Only what the correction changed is not null. state: before a revocation."""

    valid_from: Instant | None = None
    expires_at: Instant | None = None
    state: str | None = None


class Correction(Answer):
    """Something that happened to a licence after it was granted. type: of its event.

    validFrom, expiresAt: the new values, if they were corrected. reason: in a member's own words. text: all of it in
    sentences.
    """

    at: Instant
    type: str
    by: By
    reason: str | None
    valid_from: Instant | None = None
    expires_at: Instant | None = None
    former: FormerValues | None = None
    text: str


def list_corrections(
    db: Session, licence_ids: Collection[uuid.UUID], words: Words
) -> dict[uuid.UUID, list[Correction]]:
    """Returns what happened to each licence, in order. One statement, whatever their number."""
    found: dict[uuid.UUID, list[Correction]] = defaultdict(list)
    about = is_one_of(Event.subject, [f"licence/{licence_id}" for licence_id in licence_ids])
    for event in events.recorded(db, about, Event.type.in_(TYPES)):
        if event.type != "licence.granted" or event.data.keys() & {"reason", "replaces"}:
            found[uuid.UUID(event.subject.partition("/")[2])].append(_correction(event, words))
    return found


def actor_in_words(actor_type: str, actor_id: str, words: Words) -> str:
    """Returns who did something: a member by id, for ids are all that is known of members here."""
    return {"system": words.text(BY_SERVICE), "party": words.text(BY_PERSON)}.get(actor_type, actor_id)


def _correction(event: Recorded, words: Words) -> Correction:
    former, data = event.data.get("former") or {}, event.data
    moved = [name for name in ("validFrom", "expiresAt") if name in data and name in former]
    was = {name: former[name] for name in moved} | {name: former[name] for name in ("state",) if name in former}
    return Correction(
        at=event.recorded_at,
        type=event.type,
        by=By(type=event.actor_type, id=event.actor_id),
        reason=data.get("reason"),
        **{name: data[name] for name in moved},
        former=FormerValues.model_validate(was) if was else None,
        text=_sentences(event, moved, words),
    )


def _sentences(event: Recorded, moved: Collection[str], words: Words) -> str:
    data, former = event.data, event.data.get("former") or {}
    said: list[tuple[str, dict[str, str]]] = []
    match event.type:
        case "licence.revoked":
            revoked = TWIN_REVOKED if "mergedWith" in data else REVOKED
            said.append((revoked, {"former": words.text(STATES.get(former.get("state", ""), ""))}))
        case "licence.restored":
            said.append((RESTORED, {}))
        case "licence.superseded":
            said.append((SUPERSEDED, {}))
        case "licence.granted":
            said.append((AGAIN if "replaces" in data else ADDED, {}))
        case _:
            if "validFrom" in moved:
                said.append((BEGINNING_MOVED, _both(former, data, "validFrom", words)))
            if "expiresAt" in moved:
                said.append((END_MOVED, _both(former, data, "expiresAt", words)))
            if data.get("noteChanged"):
                said.append((NOTE_CHANGED, {}))
    known = {
        "at": words.exactly(event.recorded_at),
        "actor": actor_in_words(event.actor_type, event.actor_id, words),
    }
    sentences = [words.filled(text, **known, **values) for text, values in said]
    if data.get("reason"):
        sentences.append(words.filled(REASON, reason=str(data["reason"])))
    return " ".join(sentences)


def _both(former: dict[str, str], data: dict[str, str], name: str, words: Words) -> dict[str, str]:
    write = words.until if name == "expiresAt" else words.since
    return {
        "former": write(datetime.fromisoformat(former[name])),
        "value": write(datetime.fromisoformat(data[name])),
    }
