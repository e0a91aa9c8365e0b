"""The entries of the navigation. A page shows those whose verb its caller may call."""

from typing import NamedTuple

from shared.access import Caller
from shared.services import (
    assignments,
    catalogue,
    deliveries,
    directory,
    events,
    jobs,
    licences,
    me,
    organizations,
    packs,
    sessions,
)
from shared.services.verbs import AnyVerb
from shared.texts import N_


class Entry(NamedTuple):
    """An entry: its title, its address, the verb that the page behind it calls, and the query with which it opens.

    also: the address of pages that belong to it and stand elsewhere.
    """

    title: str
    address: str
    verb: AnyVerb
    query: str = ""
    also: str = ""

    def holds(self, path: str) -> bool:
        """True for the path of a page that belongs to the entry."""
        return any(f"{path}/".startswith(f"{one}/") for one in (self.address, self.also) if one)

    @property
    def opened(self) -> str:
        """The address to which the entry leads."""
        return self.address + self.query


# Sessions open with those that are to come or wait to be completed: both are scheduled.
ENTRIES = (
    Entry(N_("Overview"), "/overview", organizations.get_availability),
    Entry(N_("Assign"), "/assign", assignments.submit_assignments, also="/import/recipients"),
    Entry(N_("Assignments"), "/assignments", assignments.list_assignments),
    Entry(N_("People"), "/parties", directory.list_parties, also="/import/people"),
    Entry(N_("Catalogue"), "/courses", catalogue.list_courses),
    Entry(N_("Sessions"), "/sessions", sessions.list_sessions, "?state=scheduled"),
    Entry(N_("Licences"), "/licences", licences.list_licences, also="/import/records"),
    Entry(N_("Jobs"), "/jobs", jobs.list_jobs),
    Entry(N_("Deliveries"), "/deliveries", deliveries.list_deliveries),
    Entry(N_("Audit"), "/audit", events.search_events),
    Entry(N_("Packs"), "/packs", packs.list_packs),
    Entry(N_("Settings"), "/settings", organizations.get_settings),
    Entry(N_("My training"), "/me", me.list_my_assignments),
)


OWN = "/me"
FOR_EVERYBODY = frozenset({"/overview", "/settings", OWN})


def entries_for(caller: Caller) -> list[Entry]:
    """Return the entries of pages that the caller may open. Who sees nothing but what is their own has no overview."""
    entries = [entry for entry in ENTRIES if entry.verb.may(caller)]
    if caller.party_id is not None and {entry.address for entry in entries} <= FOR_EVERYBODY:
        return [entry for entry in entries if entry.address == OWN]
    return entries
