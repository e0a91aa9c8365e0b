"""The page to choose a persona of the demo: one click, and somebody who tries the service is inside.

It lets in without any proof, so it exists only where nobody but the person at the machine can reach it: with the
embedded database, over loopback under a name of loopback with this port, not through a proxy, where the public address
is loopback too, and into the organization that `rollcall demo` has made. Everywhere else its address has no page.
"""

from datetime import timedelta
from urllib.parse import parse_qs

from anyio.to_thread import run_sync
from fastapi import APIRouter, Request, Response, status
from fastapi.responses import HTMLResponse, RedirectResponse

from api.console.browsers import in_few_words
from api.console.demo import organization_to_enter
from api.console.origins import OtherOrigin, need_own_origin
from api.console.pages import page
from api.console.signing_in import Again, Next, SigningInRoute
from api.console.visits import read_next, set_cookie
from api.http.dependencies import CurrentParts, Now
from shared.access import Sealer, SignIn
from shared.errors import NotFound
from shared.services import personas

router = APIRouter(prefix="/personas", route_class=SigningInRoute, include_in_schema=False)

TOKEN_LIFETIME = timedelta(hours=12)
PURPOSE = "persona"


@router.get("")
def show(request: Request, made: CurrentParts, now: Now, next: Next = None, again: Again = False) -> HTMLResponse:
    """The page with the personas. again: although signed in, because something needs a recent sign-in."""
    if organization_to_enter(request, made) is None:
        raise NotFound("page")
    token = Sealer(made.settings, PURPOSE).seal(PURPOSE, now)
    return page("personas.html", personas=personas.PERSONAS, token=token, following=read_next(next), again=again)


@router.post("")
async def choose(request: Request, made: CurrentParts, now: Now) -> Response:
    """Enter as the persona that was chosen on the page."""
    org_id = organization_to_enter(request, made)
    if org_id is None:
        raise NotFound("page")
    need_own_origin(request, made.settings)
    sent = {name: values[-1] for name, values in parse_qs((await request.body()).decode(errors="replace")).items()}
    if Sealer(made.settings, PURPOSE).open(sent.get("token", ""), now, TOKEN_LIFETIME) != PURPOSE:
        raise OtherOrigin
    agent = in_few_words(request.headers.get("user-agent", ""))

    def enter() -> tuple[SignIn, str]:
        with made.database.transaction(org_id) as db:
            return personas.enter_as(db, sent.get("persona", ""), agent, now)

    _, cookie = await run_sync(enter)
    answer = RedirectResponse(read_next(sent.get("next")), status.HTTP_303_SEE_OTHER)
    set_cookie(answer, made.settings, cookie)
    return answer
