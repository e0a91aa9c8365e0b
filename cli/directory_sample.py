"""The sample data of `rollcall demo`: a drilling contractor with 2,000 parties, their folders, and three courses.

It is the same at every call, so that the demo can be repeated.
"""

from collections.abc import Iterator
from itertools import product
from typing import Any

ORG, NAME, TIME_ZONE = "north-sea-drilling", "North Sea Drilling", "Europe/Oslo"
COURSE = "H2S"
SESSION_COURSE = "WAH"

COURSES = (
    {
        "code": COURSE,
        "title": "Hydrogen-sulfide response",
        "mode": "flex",
        "description": "Alarms, escape masks, wind direction and muster points when the gas is there.",
        "label": "v3.2",
    },
    {
        "code": "WAH",
        "title": "Working at height",
        "mode": "in_person",
        "description": "Harness, anchor points, dropped objects and rescue.",
        "label": "v2.1",
    },
    {
        "code": "CSE",
        "title": "Confined-space entry",
        "mode": "in_person",
        "description": "Permits, gas tests, the attendant at the manhole.",
        "label": "v1.4",
    },
)

FOLDERS = {
    "full-time-crew": "Full-time crew",
    "rotational-crew": "Rotational crew",
    "third-party-inspectors": "Third-party inspectors",
    "port-agents": "Port agents",
    "drill-floor-crew": "Drill floor",
    "deck-crew": "Deck and cranes",
    "marine-crew": "Marine",
    "maintenance-crew": "Maintenance",
    "catering-crew": "Catering",
    "rig-aurora": "Rig Aurora",
    "rig-borealis": "Rig Borealis",
    "rig-castor": "Rig Castor",
    "port-of-stavanger": "Stavanger",
    "port-of-aberdeen": "Aberdeen",
    "port-of-den-helder": "Den Helder",
}

_CREWS = ("drill-floor-crew", "deck-crew", "marine-crew", "maintenance-crew", "catering-crew")
_RIGS = ("rig-aurora", "rig-borealis", "rig-castor")
_PORTS = {
    "port-of-stavanger": "Europe/Oslo",
    "port-of-aberdeen": "Europe/London",
    "port-of-den-helder": "Europe/Amsterdam",
}

_KINDS = {"full-time-crew": 700, "rotational-crew": 900, "third-party-inspectors": 260, "port-agents": 140}
"""Number of parties of each kind."""

_GIVEN = """
Ada Aisha Amir Anders Anneke Astrid Bjørn Callum Carmen Chidi Dag Daria Declan Eilidh Elif Emeka Erik Fatima
Femke Finlay Gro Hamish Hanna Ibrahim Ingrid Isla Jan Joost Kari Katarzyna Kwame Lars Leila Liv Magnus Marek
Marit Mei Mohammed Morag Nadia Nils Ola Olena Pieter Priya Ragnhild Ravi Rory Sanne Silje Siobhan Sven Tariq
Thi Tomasz Turid Wanjiru Yusuf Zofia
"""
_FAMILY = """
Adeyemi Akhtar Andersen Bakker Berg Boateng Campbell Costa Dahl Dijkstra Eide Eriksen Ferguson Fraser García
Haaland Haddad Hansen Hussain Iversen Jansen Johansen Kamara Kaur Kowalski Larsen Lund MacDonald MacLeod
Mahmoud Meijer Moen Murray Mwangi Nguyen Nilsen Nowak Okafor Olsen Patel Petrenko Rahman Reid Ross Sandvik
Santos Sharma Silva Sinclair Smit Solberg Stewart Strand Sørensen Tan Visser Vos Wang Wiśniewski Yilmaz
"""


def parties() -> list[dict[str, Any]]:
    """Returns the 2,000 parties as `PUT /v1/parties` takes them. Their e-mail addresses cannot exist."""
    kinds = (kind for kind, count in _KINDS.items() for _ in range(count))
    return [_party(n, kind, name) for n, (kind, name) in enumerate(zip(kinds, _names(), strict=False), start=1)]


def _party(n: int, kind: str, name: tuple[str, str]) -> dict[str, Any]:
    entity_id = f"nsd-{n:05}"
    port = list(_PORTS)[n % len(_PORTS)]
    if kind == "port-agents":
        where = [port]
    elif kind == "third-party-inspectors":
        where = [_RIGS[n % len(_RIGS)], port]
    else:
        where = [_CREWS[n % len(_CREWS)], _RIGS[n % len(_RIGS)]]
    return {
        "entityId": entity_id,
        "displayName": " ".join(name),
        "email": f"{entity_id}@north-sea-drilling.example",
        "memberId": f"member-{n:05}" if kind == "full-time-crew" else None,  # the others have no account
        "timeZone": _PORTS[port],
        "folders": [kind, *where],
    }


def _names() -> Iterator[tuple[str, str]]:
    """Combines every given name with every family name, in strides, so that neighbours have different names."""
    pairs = list(product(_GIVEN.split(), _FAMILY.split()))
    return (pairs[n * 1009 % len(pairs)] for n in range(len(pairs)))
