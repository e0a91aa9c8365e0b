"""The events of saved views, and of the organization's start page.

No event has the name or the filters of a view, because both may name a person.
"""

from shared.events.vocabulary.declaring import JOB, UUID, Changed, Data, EventType


class ViewSaved(Data):
    """list: the list of the console, as in its address. shared: True if the organization sees the view."""

    list: str
    shared: bool


class ViewChanged(ViewSaved, Changed):
    """Names of the changed fields: `name`, `filters`, `columns`, `shared`."""


class StartPageChanged(Data):
    """view_id: the shared view that is the start page of members who have chosen none; null: the overview."""

    view_id: UUID | None


VIEW = {"list": "assignments", "shared": True}

VIEWS = (
    EventType("view.saved", "A member saved a view of a list of the console.", ViewSaved, VIEW, by_name=True),
    EventType(
        "view.changed",
        "A view was renamed, replaced, shared, or given back to its maker.",
        ViewChanged,
        VIEW | {"changed": ["name"]},
        by_name=True,
    ),
    EventType("view.deleted", "A view was deleted.", ViewSaved, VIEW, by_name=True),
    EventType(
        "organization.start_page_changed",
        "An administrator changed the start page of members who have chosen none.",
        StartPageChanged,
        {"viewId": JOB},
        by_name=True,
    ),
)
