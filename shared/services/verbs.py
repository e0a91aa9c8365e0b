"""Verbs: the functions that requests call, from the API and from the pages.

A verb declares its permission. Its call enforces it, and a door can check it before: the API refuses a request before
it reads the body, and a page can leave out a button that the caller may not press. The first two arguments of a verb
are the transaction and the caller. A verb that waits takes the database instead, and holds no transaction meanwhile.
"""

from collections.abc import Callable
from functools import update_wrapper
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar

from shared.access import Caller, Permission, PermissionDenied

Db = TypeVar("Db")
P = ParamSpec("P")
R = TypeVar("R")


class Verb(Generic[Db, P, R]):
    """A function and its permissions. A caller needs one of them; without any, every signed-in member may call it.

    whole: True for an act of the whole organization, which a caller limited to folders may not call.
    """

    def __init__(
        self, function: Callable[Concatenate[Db, Caller, P], R], any_of: tuple[Permission, ...], whole: bool
    ) -> None:
        update_wrapper(self, function)
        self.name = function.__name__
        self._function = function
        self.any_of = any_of
        self.whole = whole

    def __call__(self, db: Db, caller: Caller, *args: P.args, **kwargs: P.kwargs) -> R:
        """Call the function. Raises PermissionDenied as `need`."""
        self.need(caller)
        return self._function(db, caller, *args, **kwargs)

    def need(self, caller: Caller) -> None:
        """Raise PermissionDenied unless the caller has one of the permissions, and all folders if the verb needs them.

        The error names the missing permission.
        """
        if self.any_of:
            caller.need(*self.any_of)
        if self.whole and caller.folders is not None:
            raise PermissionDenied("This concerns the whole organization, and you are limited to folders.")

    def may(self, caller: Caller) -> bool:
        """True if `need` raises nothing."""
        allowed = not self.any_of or caller.may(*self.any_of)
        return allowed and not (self.whole and caller.folders is not None)


AnyVerb = Verb[Any, Any, Any]


def verb(
    *any_of: Permission, whole: bool = False
) -> Callable[[Callable[Concatenate[Db, Caller, P], R]], Verb[Db, P, R]]:
    """Declare a function a verb. A caller needs one of these permissions; without any, it must only be signed in.

    whole: True for an act of the whole organization, which is refused to a caller limited to folders.
    """
    return lambda function: Verb(function, any_of, whole)
