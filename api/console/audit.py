"""The audit log for people: every event in a sentence, searched, exported, and how far it is sealed."""

from dataclasses import replace
from typing import Annotated, Any, Literal

from fastapi import Query, Request, Response
from fastapi.responses import StreamingResponse

from api.console.columns import Column
from api.console.frame import ConsoleRouter, CurrentFrame
from api.console.history import name_of, tell
from api.console.job_titles import KINDS
from api.console.listing import Choice, Filter, ListPage, list_page, read_query
from api.http.columns import EVENT_COLUMNS
from api.http.dependencies import CurrentCaller, CurrentParts, Db, allow
from api.http.filtering import EventFilters
from api.http.lists import AskedList
from api.http.turns import in_turns
from shared.events import TYPES, Filters, cloud_event
from shared.services import events
from shared.services.naming import subjects_of
from shared.texts import N_
from shared.wire import Answer

router = ConsoleRouter("/audit")

PAGE = ListPage(
    title=N_("Audit log"),
    template="audit.html",
    address="/audit",
    model=Answer,
    named=lambda event: (*subjects_of([event]), event.subject),
    columns=(
        Column("number", N_("Number"), "number"),
        Column("what", N_("What happened")),
        Column("person", N_("Person")),
        Column("about", N_("About"), "wide"),
        Column("when", N_("When"), zoned=True),
    ),
    filters=(
        Filter("types", N_("What happened"), "choice", tuple(Choice(one, one) for one in sorted(TYPES))),
        Filter("partyId", N_("Person (id)")),
        Filter("actorId", N_("Done by (id)")),
        Filter(
            "actorType",
            N_("Kind of actor"),
            "choice",
            (
                Choice("member", N_("a member")),
                Choice("party", N_("the person")),
                Choice("system", N_("the service")),
            ),
        ),
        Filter("subject", N_("About")),
        Filter("order", N_("Order"), "order", (Choice("desc", N_("Newest first")), Choice("asc", N_("Oldest first")))),
        Filter("since", N_("Since"), "hidden"),
        Filter("until", N_("Before"), "hidden"),
    ),
)


def _named(page: ListPage) -> ListPage:
    """Return the page with the types of events in the reader's words."""
    types, *others = page.filters
    choices = sorted((Choice(one.value, name_of(one.value)) for one in types.choices), key=lambda one: one.name)
    return replace(page, filters=(replace(types, choices=tuple(choices)), *others))


@router.list_of("", events.search_events)
def show(
    request: Request,
    frame: CurrentFrame,
    asked: AskedList,
    filters: EventFilters,
    order: Annotated[Literal["asc", "desc"], Query()] = "desc",
) -> Response:
    """The list, or all of it as a file."""
    rows = events.search_events(asked.db, asked.caller, filters, newest_first=order == "desc")
    if asked.file.wanted:
        read_query(request, asked, PAGE)
        listing: Any = asked.page(rows, dict[str, Any], cloud_event, name="audit-events", columns=EVENT_COLUMNS)
        return listing  # type: ignore[no-any-return]

    shown = {"tell": lambda event, names: tell(event, names, frame.words), "kinds": KINDS}
    return list_page(frame, request, asked, _named(PAGE), rows, lambda event: event, **shown)


@router.get(".ndjson", dependencies=[allow(events.search_events)], response_class=StreamingResponse)
def export(db: Db, caller: CurrentCaller, parts: CurrentParts) -> Response:
    """All events, oldest first, as a file that anybody can check against a published head."""
    rows = events.search_events(db, caller, Filters(), newest_first=False)
    lines = events.export_events(parts.database, caller.org_id, rows, chained=caller.folders is None)
    headers = {"Content-Disposition": 'attachment; filename="audit-events.ndjson"'}
    return StreamingResponse(in_turns(parts, caller.org_id, lines), media_type="application/x-ndjson", headers=headers)


@router.get("/proof", dependencies=[allow(events.get_head)])
def show_proof(frame: CurrentFrame, db: Db, caller: CurrentCaller) -> Response:
    """How far the events are sealed, and how anybody finds later whether one was altered."""
    return frame.page("audit_proof.html", head=events.get_head(db, caller))
