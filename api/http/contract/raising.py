"""The problems that a route may answer with, found in the code that it calls.

A declaration beside each route would be wrong as soon as a verb raises one more. So the compiled code is followed: from
the route and its dependencies, through every function and class of ours that it names, to the classes of `Problem`.
What a function names is remembered, because routes share most of it.
A problem that is named and cannot occur is listed too.
"""

import inspect
from collections.abc import Iterable, Iterator
from functools import cache
from types import CodeType, FunctionType, ModuleType
from typing import Any

from shared.errors import Problem

OURS = ("api.", "shared.")

MEMBERS = (FunctionType, classmethod, staticmethod, property)


def raised_by(entries: Iterable[Any]) -> set[str]:
    """Return the slugs of the problems that these functions, or what they call, name."""
    seen, left, found = set[Any](), list(entries), set[str]()
    while left:
        one = left.pop()
        if one in seen:
            continue
        seen.add(one)
        if isinstance(one, type) and issubclass(one, Problem):
            found.update(filter(None, [getattr(one, "slug", None)]))
        else:
            left += _named_by(one)
    return found


@cache
def _named_by(one: Any) -> tuple[Any, ...]:
    """The functions and classes of ours that a function, or a class in its methods, names."""
    if isinstance(one, type):
        return tuple(filter(None, (_function(value) for value in vars(one).values() if isinstance(value, MEMBERS))))
    function = _function(one)
    return () if function is None else tuple(_named_in(function))


def _named_in(function: FunctionType) -> Iterator[Any]:
    inside = dict(zip(function.__code__.co_freevars, function.__closure__ or (), strict=False))
    for value in _loaded(function.__code__, function.__globals__, inside):
        known = value if isinstance(value, type) else _function(value)
        if known is not None and _is_ours(known):
            yield known


def _function(value: Any) -> FunctionType | None:
    """The function behind a verb, a decorator, a method or a property."""
    value = value.fget if isinstance(value, property) else getattr(value, "__func__", value)
    value = inspect.unwrap(value) if callable(value) else None
    return value if isinstance(value, FunctionType) else None


def _loaded(code: CodeType, names: dict[str, Any], inside: dict[str, Any]) -> Iterator[Any]:
    """Yield what a function may load by name: `name`, and `module.name` or `Class.name`."""
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _loaded(constant, names, inside)
    known = [names[name] for name in code.co_names if name in names]
    known += [getattr(inside[name], "cell_contents", None) for name in code.co_freevars if name in inside]
    yield from known
    for owner in known:
        if isinstance(owner, ModuleType | type) and _is_ours(owner):
            yield from (inspect.getattr_static(owner, name, None) for name in code.co_names)


def _is_ours(one: Any) -> bool:
    return (one.__name__ if isinstance(one, ModuleType) else one.__module__ or "").startswith(OURS)
