"""Filters of SCIM (RFC 7644, 3.4.2.2) as SQL: each attribute that may be compared is a column.

A condition is NULL where a value is missing, which counts as false; so what is negated is first made true or false.
Text is found by functions and not by LIKE, in which `%` and `_` of a value would have a meaning.
"""

from datetime import datetime
from typing import Any

from pydantic import TypeAdapter, ValidationError
from scim2_models.path import (
    AttrPath,
    CompareOperator,
    Comparison,
    FilterNode,
    FilterVisitor,
    LogicalExpr,
    LogicalOperator,
    Not,
    Present,
    ValuePath,
)
from sqlalchemy import ColumnElement, and_, false, func, literal, not_, or_

from shared.directory.scim.attributes import Attributes, BadFilter, Condition, Many, One
from shared.wire import storable

MAX_TERMS = 10
"""Upper bound of comparisons in a filter."""
MAX_DEPTH = 3
"""Upper bound of the nesting of `and`, `or`, `not` and value selections in a filter."""

_INSTANT = TypeAdapter(datetime)


def translated(node: FilterNode, attributes: Attributes, declared: frozenset[str]) -> Condition:
    """Returns a filter as an SQL condition. declared: names of the resource's attributes, in lower case.

    Raises BadFilter, also for a filter with too many comparisons, or nested too deeply.
    """
    terms, depth = _measured(node)
    if terms > MAX_TERMS:
        raise BadFilter(f"A filter may have {MAX_TERMS} comparisons.")
    if depth > MAX_DEPTH:
        raise BadFilter(f"A filter may be nested {MAX_DEPTH} deep.")
    return _Translated(attributes, declared).visit(node)


def _measured(node: FilterNode) -> tuple[int, int]:
    match node:
        case LogicalExpr():
            inner = [_measured(term) for term in node.terms]
        case Not():
            inner = [_measured(node.expr)]
        case ValuePath():
            inner = [_measured(node.val_filter)]
        case _:
            return 1, 0
    return sum(terms for terms, _ in inner), 1 + max(depth for _, depth in inner)


class _Translated(FilterVisitor[Condition]):
    """Makes a filter an SQL condition. An attribute that a resource does not have is in none of its rows."""

    def __init__(self, attributes: Attributes, declared: frozenset[str]) -> None:
        self._attributes, self._declared = attributes, declared

    def visit_comparison(self, node: Comparison) -> Condition:
        """Return the condition of one comparison."""
        found = self._find(node.attr_path)
        if isinstance(found, Many):
            found, part = found, found.parts["value"]
            if node.op == CompareOperator.ne:
                return not_(found.exists(_compared(part, CompareOperator.eq, node.value)))
            return found.exists(_compared(part, node.op, node.value))
        return false() if found is None else _compared(found, node.op, node.value)

    def visit_present(self, node: Present) -> Condition:
        """Return the condition that an attribute has a value."""
        found = self._find(node.attr_path)
        if isinstance(found, Many):
            return found.exists(found.parts["value"].column.is_not(None))
        return false() if found is None else found.column.is_not(None)

    def visit_not(self, node: Not) -> Condition:
        """Return the opposite of a condition."""
        return not_(func.coalesce(self.visit(node.expr), False))

    def visit_logical_expr(self, node: LogicalExpr) -> Condition:
        """Return the conditions joined."""
        terms = [self.visit(term) for term in node.terms]
        return and_(*terms) if node.op == LogicalOperator.and_ else or_(*terms)

    def visit_value_path(self, node: ValuePath) -> Condition:
        """Return the condition that one value of an attribute meets the inner filter."""
        found = self._find(node.attr_path)
        if not isinstance(found, Many):
            return false()
        return found.exists(_Translated(found.parts, frozenset()).visit(node.val_filter))

    def _find(self, path: AttrPath) -> One | Many | None:
        name = path.attr.lower()
        found = self._attributes.get(name)
        if path.sub_attr is not None:
            part = path.sub_attr.lower()
            found = self._attributes.get(f"{name}/{part}")
            many = self._attributes.get(name)
            if isinstance(many, Many) and part in many.parts:
                found = Many({"value": many.parts[part]}, many.exists)
        if found is None and name in self._declared:
            raise BadFilter("Filters cannot compare one of these attributes; docs/scim.md lists those that they can.")
        return found


_BOOLEAN = TypeAdapter(bool)


def _compared(attribute: One, op: CompareOperator, value: Any) -> Condition:
    """Return the condition that an attribute compares so with a value."""
    column: ColumnElement[Any] = attribute.column
    if value is None:
        if op not in (CompareOperator.eq, CompareOperator.ne):
            return false()
        return column.is_(None) if op == CompareOperator.eq else column.is_not(None)
    if column.type.python_type is bool:  # the library lets "True" and 1 pass, as it does in resources
        value = _BOOLEAN.validate_python(value)
    if isinstance(value, bool):
        return column.is_not_distinct_from(value) if op == CompareOperator.eq else column.is_distinct_from(value)
    if column.type.python_type is datetime:
        return _ordered(column, op, literal(_instant(value)))
    try:
        text = literal(storable(str(value)))
    except ValueError:
        raise BadFilter("A value in the filter is no valid text.") from None
    if op == CompareOperator.eq and attribute.same is not None:
        return attribute.same(str(value))
    if not attribute.exact:
        return _texts_compared(func.caseless(column), func.caseless(text), op)
    return _texts_compared(column, text, op)


def _texts_compared(column: ColumnElement[Any], text: ColumnElement[Any], op: CompareOperator) -> Condition:
    match op:
        case CompareOperator.co:
            found: Condition = func.strpos(column, text) > 0
        case CompareOperator.sw:
            found = func.starts_with(column, text)
        case CompareOperator.ew:
            found = func.right(column, func.char_length(text)) == text
        case _:
            found = _ordered(column.collate("C"), op, text.collate("C"))
    return found


def _ordered(column: ColumnElement[Any], op: CompareOperator, value: ColumnElement[Any]) -> Condition:
    match op:
        case CompareOperator.eq:
            return column == value
        case CompareOperator.ne:
            return column.is_distinct_from(value)
        case CompareOperator.gt:
            return column > value
        case CompareOperator.ge:
            return column >= value
        case CompareOperator.lt:
            return column < value
        case CompareOperator.le:
            return column <= value
    raise BadFilter("An instant can be compared by eq, ne, gt, ge, lt and le.")


def _instant(value: Any) -> datetime:
    try:
        found = _INSTANT.validate_python(value)
    except ValidationError:
        found = None
    if found is None or found.tzinfo is None:
        raise BadFilter("An instant in the filter must be written like 2026-11-27T10:00:00Z.")
    return found
