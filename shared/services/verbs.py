"""Verbs: the functions that a person's request calls, whichever door it came through.

A verb declares its permission. The call enforces it, and a door can ask for it: the API refuses before it reads a body,
and a page shows a button only to a caller who `may` press it. The first two arguments of a verb are the transaction
(or the database, for a verb that waits and holds no transaction meanwhile) and the caller.
"""

from collections.abc import Callable
from functools import update_wrapper
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar

from shared.access import Caller, Permission

Db = TypeVar("Db")
P = ParamSpec("P")
R = TypeVar("R")


class Verb(Generic[Db, P, R]):
    """A function with the permissions of which a caller needs one; with none, every signed-in member may call it."""

    def __init__(self, function: Callable[Concatenate[Db, Caller, P], R], any_of: tuple[Permission, ...]) -> None:
        update_wrapper(self, function)
        self.name = function.__name__
        self._function = function
        self.any_of = any_of

    def __call__(self, db: Db, caller: Caller, *args: P.args, **kwargs: P.kwargs) -> R:
        """Call the function. Raises PermissionDenied, naming what is missing."""
        self.need(caller)
        return self._function(db, caller, *args, **kwargs)

    def need(self, caller: Caller) -> None:
        """Raise PermissionDenied, naming what is missing, unless the caller has one of the permissions."""
        if self.any_of:
            caller.need(*self.any_of)

    def may(self, caller: Caller) -> bool:
        """True if the caller has one of the permissions."""
        return not self.any_of or caller.may(*self.any_of)


AnyVerb = Verb[Any, Any, Any]


def verb(*any_of: Permission) -> Callable[[Callable[Concatenate[Db, Caller, P], R]], Verb[Db, P, R]]:
    """Declare a verb: one of these permissions is needed, or none of them."""
    return lambda function: Verb(function, any_of)
