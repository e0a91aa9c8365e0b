"""The personas of the demo: people whom somebody who tries this service can be, without an identity provider.

Only for the organization that `rollcall demo` has made, and only where the page of the personas is shown at all
(`api/console/personas.py`).
"""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy.orm import Session

from shared import demonstration, directory
from shared.access import Identity, Permission, SignIn
from shared.errors import NotFound
from shared.services.signing_in import begin_sign_in
from shared.texts import N_

ISSUER = "urn:rollcall:demo"


@dataclass(frozen=True)
class Persona:
    """A person of the demo. does: its work, in a sentence. represents: True for one of the organization's parties."""

    id: str
    name: str
    title: str
    does: str
    permissions: frozenset[Permission] = frozenset()
    represents: bool = False


_COORDINATES = {
    Permission.VIEW,
    Permission.ASSIGN,
    Permission.COMPLETE,
    Permission.MANAGE_ASSIGNMENTS,
    Permission.CHECK_LICENCES,
    Permission.SYNC_DIRECTORY,
}

# Of each kind of job that one of them may submit, another one may approve it: the demo would be a dead end otherwise.
PERSONAS = (
    Persona(
        "coordinator",
        "Nadia Berg",
        N_("Coordinator"),
        N_("Brings people in, assigns training to thousands at once, and follows who has completed it"),
        frozenset(_COORDINATES),
    ),
    Persona(
        "approver",
        "Tomas Wiik",
        N_("Training manager"),
        N_("Approves large jobs of others, as the second person, and changes everything"),
        frozenset(Permission) - {Permission.COMPLETE_SESSION_TASKS},
    ),
    Persona(
        "staff",
        "Ingrid Solheim",
        N_("Staff"),
        N_("Runs sessions, keeps rosters, corrects licences, and approves what the training manager asks for"),
        frozenset({Permission.VIEW, Permission.ADMIN, Permission.MANAGE_ASSIGNMENTS, Permission.CHECK_LICENCES}),
    ),
    Persona(
        "auditor",
        "James Okafor",
        N_("Auditor"),
        N_("Reads who was valid for which task on which day, and who says so"),
        frozenset({Permission.VIEW, Permission.READ_EVENTS, Permission.CHECK_LICENCES}),
    ),
    Persona("party", "", N_("Crew"), N_("Sees what to do by when, and its licences"), represents=True),
)


def demo_organization(embedded_in: Path | None) -> str | None:
    """Return the id of the demo's organization, None without one. embedded_in: the embedded database's directory."""
    return demonstration.demo_organization(embedded_in)


def enter_as(db: Session, persona_id: str, agent: str | None, now: datetime) -> tuple[SignIn, str]:
    """Begin the sign-in of a persona. Returns it with the value of its cookie. Raises NotFound."""
    persona = next((one for one in PERSONAS if one.id == persona_id), None)
    if persona is None:
        raise NotFound("persona")
    name, party_id = persona.name, None
    if persona.represents:
        party = directory.first_active_party(db)
        if party is None:
            raise NotFound("party")
        name, party_id = party.display_name, party.id
    identity = Identity(
        issuer=ISSUER,
        subject=persona.id,
        member_id=f"demo:{persona.id}",
        permissions=persona.permissions,
        authenticated_at=now,
        party_id=party_id,
        name=name,
    )
    return begin_sign_in(db, identity, agent, now)
