"""Long lists in requests: the shortcut for lists without faults agrees with the models; faults keep their places."""

import uuid
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, TypeAdapter, ValidationError

from shared import wire
from shared.assignments import AssignmentRequest, BulkCloseRequest, Recipient
from shared.sessions import AmendmentRequest, RosterRequest
from shared.sessions.roster_schemas import Attendee
from shared.wire import MOST_FAULTS, MOST_ITEMS

COURSE = str(uuid.uuid4())

TYPES = st.sampled_from(["party", "member", "", None, 1])
IDS = st.one_of(
    st.text(st.sampled_from("aB9._:-"), min_size=1, max_size=64),
    st.sampled_from(["", ".", "..", "a b", "a\n", "a\nb", "é", "x" * 65, "\ud800", "\0", None, 7, ["a"]]),
)
PLAIN = st.builds(lambda one: {"entityType": "party", "entityId": one}, IDS)
ENTRIES = st.one_of(
    PLAIN,
    st.builds(lambda kind, one: {"entityType": kind, "entityId": one}, TYPES, IDS),
    st.builds(lambda one: {"entity_type": "party", "entity_id": one}, IDS),
    st.builds(lambda one: {"entityType": "party", "entityId": one, "name": "x"}, IDS),
    st.sampled_from([{}, {"entityType": "party"}, {"entityId": "a"}, [], "a", None, 5, ["entityType", "entityId"]]),
)


def parsed(kind: type[BaseModel], field: str, entries: Any, **others: Any) -> Any:
    """The ids of a body with these entries, or its faults."""
    try:
        return getattr(kind.model_validate({field: entries, **others}), field)
    except ValidationError as error:
        return [(fault["loc"][1:], fault["type"], fault["msg"]) for fault in error.errors()]


def by_models(kind: type[Any], entries: Any) -> Any:
    try:
        adapter: TypeAdapter[Any] = TypeAdapter(list[kind])  # type: ignore[valid-type]
        return [one.entity_id for one in adapter.validate_python(entries)]
    except ValidationError as error:
        return [(fault["loc"], fault["type"], fault["msg"]) for fault in error.errors()]


@pytest.mark.parametrize("entries", [st.lists(PLAIN, min_size=1), st.lists(ENTRIES, min_size=1)], ids=["plain", "any"])
def test_a_list_of_parties_gives_what_a_model_for_each_entry_gives(entries: Any) -> None:
    @settings(deadline=None)
    @given(entries)
    def compare(found: list[Any]) -> None:
        others = {"courseId": COURSE, "reason": "x"}
        assert parsed(AssignmentRequest, "recipients", found, **others) == by_models(Recipient, found)
        assert parsed(RosterRequest, "recipients", found) == by_models(Attendee, found)
        assert parsed(AmendmentRequest, "add", found, reason="x") == by_models(Attendee, found)
        assert parsed(AmendmentRequest, "remove", found, reason="x") == by_models(Attendee, found)

    compare()


def entries(count: int) -> list[dict[str, str]]:
    return [{"entityType": "party", "entityId": f"party-{n}"} for n in range(count)]


def test_a_list_without_faults_makes_no_model_of_an_entry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "in_slices", None)
    request = AssignmentRequest.model_validate({"courseId": COURSE, "reason": "x", "recipients": entries(MOST_ITEMS)})
    assert request.recipients == [f"party-{n}" for n in range(MOST_ITEMS)]


def test_a_faulty_entry_of_a_long_list_is_named_by_its_place() -> None:
    found = entries(MOST_ITEMS)
    found[1234]["entityId"] = "a b"
    found[49_999]["entityType"] = "member"
    faults = parsed(AssignmentRequest, "recipients", found, courseId=COURSE, reason="x")
    assert [(place, kind) for place, kind, _ in faults] == [
        ((1234, "entityId"), "string_pattern_mismatch"),
        ((49_999, "entityType"), "literal_error"),
    ]


def test_one_entry_too_many_is_refused_as_before() -> None:
    ((place, kind, message),) = parsed(
        AssignmentRequest, "recipients", entries(MOST_ITEMS + 1), courseId=COURSE, reason="x"
    )
    assert (place, kind) == ((), "too_long")
    assert "at most 50000 items" in message


@pytest.mark.parametrize(
    ("kind", "field", "one", "others"),
    [
        (AssignmentRequest, "recipients", {"entityType": "party", "entityId": "a b"}, {"courseId": COURSE}),
        (BulkCloseRequest, "assignmentIds", "no id", {}),
    ],
)
def test_after_enough_faults_no_more_are_looked_for(
    kind: type[BaseModel], field: str, one: Any, others: dict[str, Any]
) -> None:
    faults = parsed(kind, field, [one] * MOST_ITEMS, reason="x", **others)
    assert MOST_FAULTS <= len(faults) <= 1000
    assert [place[0] for place, *_ in faults] == list(range(len(faults)))


def test_a_body_keeps_its_form_so_that_a_retry_across_an_upgrade_is_the_same_request() -> None:
    """The hash of an Idempotency-Key is of this form."""
    sent = {"courseId": COURSE, "reason": "x", "recipients": entries(2)}
    assert AssignmentRequest.model_validate(sent).model_dump(mode="json")["recipients"] == [
        {"entity_type": "party", "entity_id": "party-0"},
        {"entity_type": "party", "entity_id": "party-1"},
    ]
