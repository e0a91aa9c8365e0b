"""Events in sentences, for the history of a thing or a person."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared.events import Event
from shared.services.naming import History, Names
from shared.texts import N_, Words, reader

SENTENCES = {
    "assignment.created": N_("Assigned by %(actor)s"),
    "assignment.changed": N_("Assignment changed by %(actor)s"),
    "assignment.completed": N_("Completed by %(actor)s"),
    "assignment.closed": N_("Assignment closed by %(actor)s"),
    "assignment.reassigned": N_("Assigned to another person by %(actor)s"),
    "assignment.reopened": N_("Assignment reopened by %(actor)s"),
    "assignment.reminded": N_("Reminded by %(actor)s"),
    "assignment.due_soon": N_("The due date came near"),
    "assignment.overdue": N_("The due date passed"),
    "licence.granted": N_("Licence granted by %(actor)s"),
    "licence.changed": N_("Licence corrected by %(actor)s"),
    "licence.revoked": N_("Licence revoked by %(actor)s"),
    "licence.restored": N_("Licence restored by %(actor)s"),
    "licence.superseded": N_("A later licence took the place of the earlier one"),
    "licence.expiring": N_("The end of the licence came near"),
    "licence.expired": N_("The licence ended"),
    "course.created": N_("Added to the catalogue by %(actor)s"),
    "course.changed": N_("Course changed by %(actor)s"),
    "course.archived": N_("Course archived by %(actor)s"),
    "party.created": N_("Added to the directory by %(actor)s"),
    "party.changed": N_("Changed in the directory by %(actor)s"),
    "party.erased": N_("Erased by %(actor)s"),
    "party.merged": N_("Merged with %(other)s by %(actor)s"),
    "party.renumbered": N_("Renumbered to %(other)s by %(actor)s"),
    "party.restored": N_("Given back the former id by %(actor)s, and what was moved to %(other)s"),
    "session.scheduled": N_("Scheduled by %(actor)s"),
    "session.changed": N_("Session changed by %(actor)s"),
    "session.cancelled": N_("Cancelled by %(actor)s"),
    "session.reinstated": N_("Reinstated by %(actor)s"),
    "session.completed": N_("Completed by %(actor)s"),
    "session.completion_withdrawn": N_("The completion was withdrawn by %(actor)s"),
    "session.completion_undone": N_("The completion was undone by %(actor)s"),
    "session.amended": N_("Amended by %(actor)s"),
    "session.roster_added": N_("Put on a roster by %(actor)s"),
    "session.roster_removed": N_("Taken off a roster by %(actor)s"),
    "session.attendance_recorded": N_("Attendance recorded by %(actor)s"),
    "assignment.session_link_minted": N_("Link to complete made by %(actor)s"),
    "licence.recorded": N_("Record of training elsewhere brought in by %(actor)s"),
    "licence.record_undone": N_("Record taken out by %(actor)s"),
    "course_version.drafted": N_("Version drafted by %(actor)s"),
    "course_version.changed": N_("Draft of a version changed by %(actor)s"),
    "course_version.published": N_("Version published by %(actor)s"),
    "course_version.superseded": N_("Version superseded by %(actor)s"),
    "course_version.retired": N_("Version for past records made by %(actor)s"),
    "folder.created": N_("Folder added by %(actor)s"),
    "folder.changed": N_("Folder changed by %(actor)s"),
    "job.submitted": N_("Job submitted by %(actor)s"),
    "job.approved": N_("Job approved by %(actor)s"),
    "job.rejected": N_("Job rejected by %(actor)s"),
    "job.cancel_requested": N_("Job cancelled by %(actor)s"),
    "job.finished": N_("The job ended"),
    "organization.added": N_("Organization added by %(actor)s"),
    "organization.settings_changed": N_("Settings changed by %(actor)s"),
    "organization.availability_changed": N_("Training switched on or off by %(actor)s"),
    "organization.entitlement_changed": N_("Entitlement to training changed by %(actor)s"),
    "organization.start_page_changed": N_("Start page of the organization changed by %(actor)s"),
    "view.saved": N_("View saved by %(actor)s"),
    "view.changed": N_("View changed by %(actor)s"),
    "view.deleted": N_("View deleted by %(actor)s"),
    "sign_in.begun": N_("Signed in: %(actor)s"),
    "sign_in_issuer.bound": N_("Identity provider bound by %(actor)s"),
    "sign_in_issuer.mapping_changed": N_("Rights of groups changed by %(actor)s"),
    "sign_in_issuer.unbound": N_("Identity provider removed by %(actor)s"),
    "sign_in_issuer.writer_named": N_("Writing the directory given to a member by %(actor)s"),
    "sign_in_issuer.writer_removed": N_("Writing the directory taken from a member by %(actor)s"),
    "webhook.created": N_("Webhook made by %(actor)s"),
    "webhook.changed": N_("Webhook changed by %(actor)s"),
    "webhook.disabled": N_("The webhook was switched off, because its receiver is gone"),
    "webhook.secret_rotated": N_("Secret of the webhook renewed by %(actor)s"),
    "webhook.removed": N_("Webhook removed by %(actor)s"),
}
"""A sentence for each type of event. One that names the actor ends with it, so that `name_of` can leave it out."""

OTHER_ID = ("into", "entityId", "from")
"""The field of an event with the other id of a party."""

ON_BEHALF = N_("Completed on the person's behalf by %(actor)s")
BY_LINK = N_("Completed by the person, through the link in a mail")
AGAIN = N_("Licence granted again, because its revocation was undone by %(actor)s")
BY_SERVICE = N_("the service")


@dataclass(frozen=True)
class Told:
    """One event in words. reason: in a member's own words. subject: such as `assignment/<id>`.

    party_id, party: the id and the name of the person whom it is about, if any.
    """

    at: datetime
    sentence: str
    reason: str
    subject: str
    party_id: str | None
    party: str | None


_ACTOR = re.compile(r"[\s:]+(\w+ )?%\(actor\)s$")


def name_of(event_type: str) -> str:
    """Return the name of a type of event in the reader's language: its sentence without an actor."""
    return _ACTOR.sub("", reader().text(SENTENCES.get(event_type, event_type)))


def told(history: History, words: Words) -> list[Told] | None:
    """Return events as sentences in the reader's language, None for a reader who may read none."""
    return None if history.events is None else [tell(one, history.names, words) for one in history.events]


def tell(event: Event, names: Names, words: Words) -> Told:
    """Return an event as a sentence in the reader's language."""
    party = names.get(f"party/{event.party_id}") if event.party_id else None
    sentence = _sentence(event, names, words)
    return Told(event.recorded_at, sentence, _reason(event.data), event.subject, event.party_id, party)


def _sentence(event: Event, names: Names, words: Words) -> str:
    text = SENTENCES.get(event.type, event.type)
    if event.type == "assignment.completed":
        text = {"on_behalf": ON_BEHALF, "session_link": BY_LINK}.get(event.data.get("method", ""), text)
    if event.type == "licence.granted" and "replaces" in event.data:
        text = AGAIN
    key = f"{event.actor_type}/{event.actor_id}"
    actor = words.text(BY_SERVICE) if event.actor_type == "system" else names.get(key, event.actor_id)
    other = next((str(event.data[name]) for name in OTHER_ID if name in event.data), "")
    return words.text(text).replace("%(actor)s", actor).replace("%(other)s", other)


def _reason(data: dict[str, Any]) -> str:
    return str(data.get("reason") or data.get("why") or data.get("note") or "")
