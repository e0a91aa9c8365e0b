"""The contract that scim2-server expects of a storage, on the directory.

A party keeps no `title`, given name or second address, so the contract skips its filters by them; `test_filters.py` has
others. The storage raises the directory's problems, which the service answers in SCIM's form; here they
are made exceptions of SCIM. Each test is in a transaction, as each operation of a request is.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from scim2_models import PreconditionFailedException, SCIMException, ScimProvider
from scim2_server.testing import ScimStorageContract

from api.scim.models import PROVIDER
from api.scim.serving import error_from
from api.scim.storage import Storage
from shared import clock
from shared.access import Caller, Permission
from shared.errors import Problem, Stale
from shared.services import scim
from tests.factories import Org


def answered(method: Callable[..., Any]) -> Callable[..., Any]:
    """Return the method with the exceptions that its problems are answered as, and what it has done then undone."""

    def call(self: Storage, *args: Any, **kwargs: Any) -> Any:
        try:
            with self.directory.db.begin_nested():
                return method(self, *args, **kwargs)
        except Stale:
            raise PreconditionFailedException from None
        except Problem as problem:
            raise SCIMException.from_error(error_from(problem)) from None

    return call


class TestStorage(ScimStorageContract):
    """The storage of the directory."""

    def search_users(self) -> list[dict[str, Any]]:
        """Return the users of the contract's filters, with what a party keeps of them."""
        return [
            {
                "userName": "alice",
                "displayName": "Alice",
                "active": True,
                "emails": [{"value": "alice@work.example", "type": "work"}],
            },
            {
                "userName": "Bob",
                "displayName": "x",
                "active": False,
                "emails": [{"value": "bob@work.example", "type": "work"}],
            },
            {"userName": "carol", "displayName": "y", "active": True},
            {
                "userName": "dave_%",
                "displayName": "z",
                "active": True,
                "emails": [{"value": "dave@home.example", "type": "work"}],
            },
        ]

    @pytest.fixture
    def provider(self) -> ScimProvider:
        """The description of the service, whose policy and models the contract uses."""
        return PROVIDER

    @pytest.fixture
    def storage(self, org: Org, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
        """A storage on an organization without parties, in a transaction."""
        for name in ("get", "create", "update", "delete"):
            monkeypatch.setattr(Storage, name, answered(getattr(Storage, name)))
        caller = Caller(org.id, "member-1", frozenset({Permission.SYNC_DIRECTORY}))
        opened = partial(scim.open_directory, caller=caller, id_from="externalId", now=clock.now())
        storage = Storage(partial(org.parts.database.transaction, org.id), opened, writing=False)
        with PROVIDER, storage.operation():
            yield storage
