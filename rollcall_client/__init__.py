"""Rollcall's API for Python programs: every operation as a method, with retries, idempotency keys, pages and jobs.

    with Client("https://training.example.com", token) as rollcall:
        for party in rollcall.each("list_parties", folder_id="deck"):
            print(party["displayName"])
        job = rollcall.wait(rollcall.create_assignments({"courseId": course_id, "recipients": recipients}))

`AsyncClient` has the same methods to await. Both follow one description, `operations.py`, which is generated from the
OpenAPI document (`make client`); `__init__.pyi` has their types.
"""

from rollcall_client.clients import AsyncClient, Client
from rollcall_client.exchange import ApiError, Unreachable

__all__ = ["ApiError", "AsyncClient", "Client", "Unreachable"]
