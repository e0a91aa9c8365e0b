"""Views: filters and columns of the console's lists under a name, of one member or shared, and start pages.

Owns the tables `saved_view` and `start_page`. Promises that a member sees its own views and the shared ones only, that
a name is there once, and that a view which is gone is nobody's start page. A view is no right: it shows what its reader
may see. It knows no list: the console checks filters and columns by what each of its lists declares.
"""

from shared.views.actions import (
    LONGEST_NAME,
    LONGEST_QUERY,
    MOST_OWN,
    MOST_SHARED,
    TooManyViews,
    ViewNameTaken,
    choose_start,
    clear_start,
    delete_view,
    forget_person,
    rename_view,
    save_view,
    set_default,
    share_view,
)
from shared.views.models import SavedView, StartPage
from shared.views.queries import Choice, find_start, get_choice, get_shared, get_view, list_views, select_views
from shared.views.schemas import ViewChange, ViewRequest

__all__ = [
    "LONGEST_NAME",
    "LONGEST_QUERY",
    "MOST_OWN",
    "MOST_SHARED",
    "Choice",
    "SavedView",
    "StartPage",
    "TooManyViews",
    "ViewChange",
    "ViewNameTaken",
    "ViewRequest",
    "choose_start",
    "clear_start",
    "delete_view",
    "find_start",
    "forget_person",
    "get_choice",
    "get_shared",
    "get_view",
    "list_views",
    "rename_view",
    "save_view",
    "select_views",
    "set_default",
    "share_view",
]
